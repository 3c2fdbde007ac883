package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Writes trees as dumps: depth-first, names in order. An inode's plain line is where its own entry
 * is, so that reading the dump gives the same tree; other names become hard link lines.
 */
public final class DumpWriter {
  /** What the line of a further name says beside the path that it links to. */
  public enum Links {
    /** All columns of the inode, as the C tools write it. */
    REPEATED,
    /** Nothing, as composefs-rs writes it (dump-format.md, section 10). */
    BARE
  }

  private final DumpText text;
  private final Links links;
  private @Nullable Predicate<byte[]> omitted;
  private byte[] path = new byte[256];

  private DumpWriter(OutputStream out, Links links) {
    this.text = new DumpText(out);
    this.links = links;
  }

  /** Writes the dump of {@code tree} to {@code out}, which is not closed. */
  public static void write(FileTree tree, OutputStream out) throws IOException {
    write(tree, Links.REPEATED, out);
  }

  /** Writes the dump of {@code tree} to {@code out}, which is not closed. */
  public static void write(FileTree tree, Links links, OutputStream out) throws IOException {
    IdentityHashMap<Inode, byte[]> ownPaths = new IdentityHashMap<>();
    DumpWriter writer = new DumpWriter(out, links);
    writer.walk(
        tree.root(),
        0,
        (directory, i, _) -> {
          if (directory.isLink(i)) {
            ownPaths.put(directory.child(i), new byte[0]);
          }
        });
    if (!ownPaths.isEmpty()) {
      writer.walk(
          tree.root(),
          0,
          (directory, i, length) -> {
            if (!directory.isLink(i) && ownPaths.containsKey(directory.child(i))) {
              ownPaths.put(directory.child(i), Arrays.copyOf(writer.path, length));
            }
          });
    }
    writer.path[0] = '/';
    writer.line(tree.root(), 1, null);
    writer.walk(
        tree.root(),
        0,
        (directory, i, length) ->
            writer.line(
                directory.child(i),
                length,
                directory.isLink(i) ? ownPaths.get(directory.child(i)) : null));
    writer.text.flush();
  }

  /**
   * Writes the lines of an inode and of everything below it, each in full: further names do not
   * become hard link lines.
   *
   * @param path what the first line calls it
   * @param omitted asked for names of extended attributes, which are left out if it says so
   */
  public static void writeBelow(
      Inode inode, byte[] path, Predicate<byte[]> omitted, OutputStream out) throws IOException {
    DumpWriter writer = new DumpWriter(out, Links.REPEATED);
    writer.omitted = omitted;
    writer.path = Arrays.copyOf(path, Math.max(256, path.length));
    writer.line(inode, path.length, null);
    if (inode instanceof Directory directory) {
      int length = path.length;
      while (length > 1 && path[length - 1] == '/') {
        length--;
      }
      boolean root = length == 1 && path[0] == '/';
      writer.walk(
          directory,
          root ? 0 : length,
          (below, i, pathLength) -> writer.line(below.child(i), pathLength, null));
    }
    writer.text.flush();
  }

  private interface Visitor {
    void visit(Directory directory, int entry, int pathLength) throws IOException;
  }

  private void walk(Directory top, int pathLength, Visitor visitor) throws IOException {
    Directory[] stack = new Directory[Limits.DEPTH_MAX + 2];
    int[] cursor = new int[stack.length];
    int[] lengths = new int[stack.length];
    int depth = 0;
    stack[0] = top;
    lengths[0] = pathLength;
    while (depth >= 0) {
      Directory directory = stack[depth];
      if (cursor[depth] == directory.size()) {
        depth--;
        continue;
      }
      int i = cursor[depth]++;
      byte[] name = directory.name(i);
      int length = lengths[depth] + 1 + name.length;
      if (length > path.length) {
        path = Arrays.copyOf(path, 2 * length);
      }
      path[lengths[depth]] = '/';
      System.arraycopy(name, 0, path, lengths[depth] + 1, name.length);
      visitor.visit(directory, i, length);
      if (directory.child(i) instanceof Directory below) {
        depth++;
        stack[depth] = below;
        cursor[depth] = 0;
        lengths[depth] = length;
      }
    }
  }

  private void line(Inode inode, int pathLength, byte @Nullable [] linkTo) throws IOException {
    if (linkTo != null && links == Links.BARE) {
      text.path(path, pathLength);
      text.bareLink(linkTo);
      return;
    }
    long size = 0;
    byte[] payload = null;
    byte[] content = null;
    Digest digest = null;
    switch (inode) {
      case RegularFile file -> {
        size = file.size();
        switch (file.content()) {
          case Content.Inline inline -> content = size == 0 ? null : inline.bytes();
          case Content.External external -> {
            payload = external.path();
            digest = external.digest();
          }
          case Content.Sparse _ -> {}
          case Content.Blocks _ ->
              throw new IllegalArgumentException("a dump cannot hold blocks of another image");
        }
      }
      case Symlink symlink -> {
        payload = symlink.target();
        size = payload.length;
      }
      case Device device -> size = device.size();
      case Fifo fifo -> size = fifo.size();
      case Socket socket -> size = socket.size();
      case Directory _ -> {}
    }
    text.path(path, pathLength);
    text.stat(
        size,
        linkTo != null,
        inode.mode(),
        inode.nlink(),
        inode.uid(),
        inode.gid(),
        inode instanceof Device device ? device.rdev() : 0,
        inode.mtimeSeconds(),
        inode.mtimeNanos());
    text.content(linkTo != null ? linkTo : payload, content, digest);
    for (XattrSet.Cursor c = inode.xattrs().cursor(); c.next(); ) {
      int end = c.nameOffset() + c.nameLength();
      if (omitted != null && omitted.test(Arrays.copyOfRange(c.array(), c.nameOffset(), end))) {
        continue;
      }
      text.xattr(
          c.array(), c.nameOffset(), c.nameLength(), c.array(), c.valueOffset(), c.valueLength());
    }
    text.endLine();
  }
}
