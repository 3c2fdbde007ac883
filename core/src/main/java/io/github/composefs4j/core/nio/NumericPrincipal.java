package io.github.composefs4j.core.nio;

import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;

/**
 * Users and groups by number. Their names are in files of the image's own, which say nothing about
 * this machine.
 */
final class NumericPrincipal {
  private NumericPrincipal() {}

  /** A user; the name is the number in decimal. */
  record User(int uid) implements UserPrincipal {
    @Override
    public String getName() {
      return Integer.toUnsignedString(uid);
    }

    @Override
    public String toString() {
      return getName();
    }
  }

  /** A group; the name is the number in decimal. */
  record Group(int gid) implements GroupPrincipal {
    @Override
    public String getName() {
      return Integer.toUnsignedString(gid);
    }

    @Override
    public String toString() {
      return getName();
    }
  }

  /** Finds numbers. */
  static final class Lookup extends UserPrincipalLookupService {
    @Override
    public UserPrincipal lookupPrincipalByName(String name) throws UserPrincipalNotFoundException {
      return new User(number(name));
    }

    @Override
    public GroupPrincipal lookupPrincipalByGroupName(String name)
        throws UserPrincipalNotFoundException {
      return new Group(number(name));
    }

    private static int number(String name) throws UserPrincipalNotFoundException {
      try {
        return Integer.parseUnsignedInt(name);
      } catch (NumberFormatException e) {
        throw new UserPrincipalNotFoundException(name);
      }
    }
  }
}
