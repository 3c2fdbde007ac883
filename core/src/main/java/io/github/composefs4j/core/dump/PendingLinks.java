package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.errors.DumpFormatException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Hard link lines: their targets may come later and be links themselves (dump-format.md, section
 * 6).
 */
final class PendingLinks {
  private static final class Link {
    final Directory parent;
    final byte[] name;
    final byte[] target;
    final long line;

    Link(Directory parent, byte[] name, byte[] target, long line) {
      this.parent = parent;
      this.name = name;
      this.target = target;
      this.line = line;
    }
  }

  private final String source;
  private final List<Link> links = new ArrayList<>();

  PendingLinks(String source) {
    this.source = source;
  }

  void add(Directory parent, byte[] name, byte[] target, long line) {
    links.add(new Link(parent, name, target, line));
  }

  /** Completes all links, once the whole dump has been read. */
  void resolve(Directory root) throws DumpFormatException {
    if (links.isEmpty()) {
      return;
    }
    IdentityHashMap<Directory, Map<FileName, Link>> byEntry = new IdentityHashMap<>();
    for (Link link : links) {
      byEntry.computeIfAbsent(link.parent, _ -> new HashMap<>()).put(name(link.name), link);
    }
    Inode[] inodes = new Inode[links.size()];
    for (int i = 0; i < inodes.length; i++) {
      inodes[i] = follow(root, links.get(i), byEntry);
    }
    for (int i = 0; i < inodes.length; i++) {
      Link link = links.get(i);
      try {
        link.parent.completeLink(link.name, inodes[i]);
      } catch (InvalidTreeException e) {
        throw error(link, e.getMessage());
      }
    }
  }

  private Inode follow(
      Directory root, Link first, IdentityHashMap<Directory, Map<FileName, Link>> byEntry)
      throws DumpFormatException {
    Link link = first;
    for (int steps = 0; steps <= links.size(); steps++) {
      Directory parent = root;
      Inode inode = root;
      Link reserved = null;
      int at = 0;
      byte[] path = link.target;
      while (at < path.length) {
        int end = LineReader.find((byte) '/', path, at, path.length);
        if (end > at) {
          byte[] name = Arrays.copyOfRange(path, at, end);
          if (!(inode instanceof Directory directory) || directory.position(name) < 0) {
            throw error(first, "no hard link target '" + FileName.printable(path) + "'");
          }
          parent = directory;
          inode = directory.find(name);
          reserved = inode == null ? find(byEntry, parent, name) : null;
        }
        at = end + 1;
      }
      if (inode instanceof Directory) {
        throw error(first, "hard link to the directory '" + FileName.printable(path) + "'");
      }
      if (inode != null) {
        return inode;
      }
      if (reserved == null || reserved == first) {
        throw error(first, "the hard link leads back to itself");
      }
      link = reserved;
    }
    throw error(first, "the hard link leads into a cycle");
  }

  private static @Nullable Link find(
      IdentityHashMap<Directory, Map<FileName, Link>> byEntry, Directory parent, byte[] name) {
    Map<FileName, Link> names = byEntry.get(parent);
    return names == null ? null : names.get(name(name));
  }

  private static FileName name(byte[] name) {
    try {
      return FileName.of(name);
    } catch (InvalidTreeException e) {
      throw new IllegalStateException("a reserved name is valid", e);
    }
  }

  private DumpFormatException error(Link link, String reason) {
    return new DumpFormatException(source, link.line, DumpLine.PAYLOAD, reason);
  }
}
