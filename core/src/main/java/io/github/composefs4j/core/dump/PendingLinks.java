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

    /** On the way to a target, or there already. */
    boolean walked;

    Link(Directory parent, byte[] name, byte[] target, long line) {
      this.parent = parent;
      this.name = name;
      this.target = target;
      this.line = line;
    }
  }

  /** So many bytes of a path are shown in messages. */
  private static final int SHOWN = 80;

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
    for (Link link : links) {
      if (link.parent.isReserved(link.name)) {
        resolveChain(root, link, byEntry);
      }
    }
  }

  /**
   * Completes a link and those that it leads through: each is walked once, however long the chains
   * are.
   */
  private void resolveChain(
      Directory root, Link first, IdentityHashMap<Directory, Map<FileName, Link>> byEntry)
      throws DumpFormatException {
    List<Link> chain = new ArrayList<>(1);
    Inode inode = null;
    for (Link link = first; inode == null; ) {
      if (link.walked) {
        throw error(
            first,
            link == first
                ? "the hard link leads back to itself"
                : "the hard link leads into a cycle");
      }
      link.walked = true;
      chain.add(link);
      Walk target = walk(root, link);
      inode = target.inode;
      if (inode == null) {
        Link next = find(byEntry, target.parent, target.name);
        if (next == null) {
          throw new IllegalStateException("reserved by nobody");
        }
        link = next;
      }
    }
    for (Link link : chain.reversed()) {
      try {
        link.parent.completeLink(link.name, inode);
      } catch (InvalidTreeException e) {
        throw error(link, "hard link to the directory '" + text(link.target) + "'");
      }
    }
  }

  /** Where a target path leads; the inode is null if the name there is a link, still open. */
  private record Walk(Directory parent, byte[] name, @Nullable Inode inode) {}

  private Walk walk(Directory root, Link link) throws DumpFormatException {
    Walk result = new Walk(root, new byte[0], root);
    byte[] path = link.target;
    for (int at = 0; at < path.length; ) {
      int end = LineReader.find((byte) '/', path, at, path.length);
      if (end > at) {
        byte[] name = Arrays.copyOfRange(path, at, end);
        if (!(result.inode instanceof Directory directory) || directory.position(name) < 0) {
          throw error(link, "no hard link target '" + text(path) + "'");
        }
        result = new Walk(directory, name, directory.find(name));
      }
      at = end + 1;
    }
    return result;
  }

  private static String text(byte[] path) {
    boolean isLong = path.length > SHOWN;
    return FileName.printable(isLong ? Arrays.copyOf(path, SHOWN) : path) + (isLong ? "…" : "");
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
