package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Copies a tree, depth-first and by name, with other metadata. An inode with several names keeps
 * those that agree with its first one about its attributes; every other name gets an inode of its
 * own.
 */
abstract class TreeRewrite {
  /** Inodes with several names, which wait for the end of the walk: only then they are counted. */
  private final IdentityHashMap<Inode, Shared> shared = new IdentityHashMap<>();

  private static final class Shared {
    @Nullable XattrSet xattrs;
    final List<Name> names = new ArrayList<>(2);
  }

  private record Name(Directory directory, byte[] name) {}

  /** {@return the path of an entry, for {@link #xattrs}} */
  abstract String path(String parent, byte[] name);

  /** {@return whether a directory loses its entries} */
  abstract boolean isEmptied(Directory directory);

  /** {@return the new stat of an inode; its link count is ignored} */
  abstract Stat stat(Inode inode);

  /** {@return the new attributes of an inode under one of its names} */
  abstract XattrSet xattrs(String path, Inode inode) throws IOException;

  /** Copies {@code tree}; once. */
  final FileTree rewrite(FileTree tree) throws IOException {
    findShared(tree.root());
    Directory root = directory("/", tree.root());
    Directory[] from = new Directory[Limits.DEPTH_MAX + 2];
    Directory[] to = new Directory[from.length];
    String[] paths = new String[from.length];
    int[] cursor = new int[from.length];
    int depth = 0;
    from[0] = tree.root();
    to[0] = root;
    paths[0] = "/";
    while (depth >= 0) {
      Directory source = from[depth];
      if (cursor[depth] == source.size() || isEmptied(source)) {
        depth--;
        continue;
      }
      int i = cursor[depth]++;
      byte[] name = source.name(i);
      Inode child = source.child(i);
      String path = path(paths[depth], name);
      if (child instanceof Directory below) {
        Directory copy = directory(path, below);
        to[depth].add(name, copy);
        depth++;
        from[depth] = below;
        to[depth] = copy;
        paths[depth] = path;
        cursor[depth] = 0;
      } else {
        leaf(to[depth], name, child, xattrs(path, child));
      }
    }
    for (Map.Entry<Inode, Shared> entry : shared.entrySet()) {
      place(entry.getKey(), entry.getValue());
    }
    return FileTree.of(root);
  }

  private void findShared(Directory root) {
    List<Directory> stack = new ArrayList<>(List.of(root));
    while (!stack.isEmpty()) {
      Directory directory = stack.removeLast();
      for (int i = 0; i < directory.size(); i++) {
        if (directory.isLink(i)) {
          shared.computeIfAbsent(directory.child(i), _ -> new Shared());
        } else if (directory.child(i) instanceof Directory below) {
          stack.add(below);
        }
      }
    }
  }

  private Directory directory(String path, Directory source) throws IOException {
    int nlink = isEmptied(source) ? 2 : 2 + source.subdirectories();
    return new Directory(stat(source, nlink), xattrs(path, source));
  }

  private void leaf(Directory to, byte[] name, Inode inode, XattrSet xattrs)
      throws InvalidTreeException {
    Shared names = shared.get(inode);
    if (names == null) {
      to.add(name, copy(inode, 1, xattrs));
      return;
    }
    if (names.xattrs == null) {
      names.xattrs = xattrs;
    }
    if (names.xattrs.equals(xattrs)) {
      names.names.add(new Name(to, name));
    } else {
      to.add(name, copy(inode, 1, xattrs));
    }
  }

  private void place(Inode inode, Shared shared) throws InvalidTreeException {
    if (shared.xattrs == null) {
      return; // all its names are gone
    }
    Inode copy = copy(inode, shared.names.size(), shared.xattrs);
    Name own = shared.names.getFirst();
    own.directory.add(own.name, copy);
    for (Name further : shared.names.subList(1, shared.names.size())) {
      further.directory.link(further.name, copy);
    }
  }

  private Stat stat(Inode inode, int nlink) {
    Stat given = stat(inode);
    return new Stat(
        given.permissions(),
        nlink,
        given.uid(),
        given.gid(),
        given.mtimeSeconds(),
        given.mtimeNanos());
  }

  private Inode copy(Inode inode, int nlink, XattrSet xattrs) throws InvalidTreeException {
    Stat stat = stat(inode, nlink);
    if (stat.equals(inode.stat()) && xattrs.equals(inode.xattrs())) {
      return inode;
    }
    return switch (inode) {
      case RegularFile file -> {
        Digest digest = file.isCanonicalObject() ? file.digest() : null;
        yield digest == null
            ? RegularFile.of(stat, xattrs, file.size(), file.content())
            : RegularFile.external(stat, xattrs, file.size(), digest);
      }
      case Symlink link -> new Symlink(stat, xattrs, link.target());
      case Device device ->
          (device.typeBits() == Inode.S_IFCHR
                  ? Device.character(stat, xattrs, device.rdev())
                  : Device.block(stat, xattrs, device.rdev()))
              .withSize(device.size());
      case Fifo fifo -> new Fifo(stat, xattrs, fifo.size());
      case Socket socket -> new Socket(stat, xattrs, socket.size());
      case Directory _ -> throw new IllegalArgumentException("a directory");
    };
  }
}
