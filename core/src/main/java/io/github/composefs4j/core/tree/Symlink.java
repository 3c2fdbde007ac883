package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;

/** A symbolic link. */
public final class Symlink extends Inode {
  private final byte[] target;

  /**
   * A link to {@code target}, which is taken over.
   *
   * @throws InvalidTreeException if the target is not 1 to {@link Limits#SYMLINK_MAX} bytes without
   *     NUL
   */
  public Symlink(Stat stat, XattrSet xattrs, byte[] target) throws InvalidTreeException {
    super(S_IFLNK, stat, xattrs);
    if (target.length < 1 || target.length > Limits.SYMLINK_MAX) {
      throw new InvalidTreeException(
          "a symlink target has 1 to " + Limits.SYMLINK_MAX + " bytes, not " + target.length);
    }
    for (byte b : target) {
      if (b == 0) {
        throw new InvalidTreeException("a symlink target holds a NUL");
      }
    }
    this.target = target;
  }

  /** {@return the target's bytes, not to be changed} */
  public byte[] target() {
    return target;
  }
}
