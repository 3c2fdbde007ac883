package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.XattrSet;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * First phase of writing: the inodes in image order, and for every directory entry the number of
 * its inode (erofs-image.md 4.5, 4.6, 11). No positions yet.
 *
 * <p>Parallel arrays, since there are millions of inodes. Directories are also numbered among
 * themselves, in inode order, so that a walk over the inodes counts them up.
 */
final class InodeTable {
  private static final byte[] SELINUX = FileName.encode("security.selinux");
  private static final int UNKNOWN = -1;

  final FormatVersion version;

  /** The inodes in image order. */
  final Inode[] inodes;

  /** Entry after entry, directory after directory: the number of the inode. */
  final int[] targets;

  /** By directory: position of its first entry in {@link #targets}. */
  final int[] firstTarget;

  /** By directory: inode number of its parent. */
  final int[] parents;

  /** The root's stubs: character devices of number 0 that are not whiteouts of the tree. */
  private final Set<Inode> stubs;

  /** The inodes that have several names. */
  private final IdentityHashMap<Inode, Linked> linked = new IdentityHashMap<>();

  private static final class Linked {
    int number = UNKNOWN;
    int names;
  }

  private InodeTable(FormatVersion version, FileTree tree, Directory root, Set<Inode> stubs)
      throws InvalidTreeException {
    long most = Math.max(tree.inodes(), tree.entries()) + stubs.size();
    if (most > Integer.MAX_VALUE - 8) {
      throw new InvalidTreeException("a tree of " + most + " entries is too large");
    }
    this.version = version;
    this.stubs = stubs;
    inodes = new Inode[(int) tree.inodes() + stubs.size()];
    targets = new int[(int) tree.entries() + stubs.size()];
    firstTarget = new int[(int) tree.directories()];
    parents = new int[(int) tree.directories()];
    inodes[0] = root;
  }

  /**
   * {@return the table of a tree in the order of this version}
   *
   * @throws InvalidTreeException if there are more inodes or entries than an array holds
   */
  static InodeTable collect(FileTree tree, FormatVersion version) throws InvalidTreeException {
    if (version == FormatVersion.V2) {
      InodeTable table = new InodeTable(version, tree, tree.root(), Set.of());
      table.findLinks(tree.root());
      table.numberDepthFirst();
      return table;
    }
    Set<Inode> stubs = Collections.newSetFromMap(new IdentityHashMap<>());
    Directory root = withStubs(tree.root(), stubs);
    InodeTable table = new InodeTable(version, tree, root, stubs);
    table.numberBreadthFirst();
    return table;
  }

  /**
   * The root with the entries that hide the 256 sub-directories of an object store in an overlay.
   */
  private static Directory withStubs(Directory root, Set<Inode> stubs) throws InvalidTreeException {
    byte[] label = root.xattrs().get(SELINUX);
    XattrSet xattrs =
        label == null ? XattrSet.EMPTY : new XattrSet.Builder().set(SELINUX, label).build();
    Stat stat = new Stat(0644, 1, root.uid(), root.gid(), root.mtimeSeconds(), root.mtimeNanos());
    byte[][] names = new byte[256][];
    for (int i = 0; i < names.length; i++) {
      names[i] =
          new byte[] {(byte) Character.forDigit(i >> 4, 16), (byte) Character.forDigit(i & 15, 16)};
    }
    return root.withMissing(
        names,
        _ -> {
          Device stub = Device.character(stat, xattrs, 0);
          stubs.add(stub);
          return stub;
        });
  }

  /** V0, V1: the table itself is the queue; an inode is numbered where its own entry is. */
  private void numberBreadthFirst() {
    int numbered = 1;
    int numberedDirectories = 1;
    int directory = 0;
    int entry = 0;
    for (int i = 0; i < numbered; i++) {
      if (!(inodes[i] instanceof Directory node)) {
        continue;
      }
      firstTarget[directory++] = entry;
      for (int k = 0; k < node.size(); k++) {
        Inode child = node.child(k);
        if (node.isLink(k)) {
          linked.computeIfAbsent(child, _ -> new Linked());
          targets[entry++] = UNKNOWN;
          continue;
        }
        if (child instanceof Directory) {
          parents[numberedDirectories++] = i;
        }
        targets[entry++] = numbered;
        inodes[numbered++] = child;
      }
    }
    if (!linked.isEmpty()) {
      resolveLinks();
    }
  }

  private void resolveLinks() {
    for (int i = 0; i < inodes.length; i++) {
      Linked link = linked.get(inodes[i]);
      if (link != null) {
        link.number = i;
      }
    }
    int entry = 0;
    for (Inode inode : inodes) {
      if (inode instanceof Directory node) {
        for (int k = 0; k < node.size(); k++, entry++) {
          if (node.isLink(k)) {
            targets[entry] = numberOf(node.child(k));
          }
        }
      }
    }
  }

  private int numberOf(Inode inode) {
    Linked link = linked.get(inode);
    if (link == null || link.number == UNKNOWN) {
      throw new IllegalStateException("an inode without an entry of its own in a frozen tree");
    }
    return link.number;
  }

  private void findLinks(Directory root) {
    Directory[] stack = new Directory[Limits.DEPTH_MAX + 2];
    int[] cursor = new int[stack.length];
    int depth = 0;
    stack[depth] = root;
    while (depth >= 0) {
      Directory node = stack[depth];
      if (cursor[depth] == node.size()) {
        depth--;
        continue;
      }
      int k = cursor[depth]++;
      Inode child = node.child(k);
      if (node.isLink(k)) {
        linked.computeIfAbsent(child, _ -> new Linked());
      } else if (child instanceof Directory below) {
        stack[++depth] = below;
        cursor[depth] = 0;
      }
    }
  }

  /**
   * V2: a directory, then for each child in turn all that is below; an inode is numbered at its
   * first name.
   */
  private void numberDepthFirst() {
    int[] stack = new int[Limits.DEPTH_MAX + 2]; // inode numbers
    int[] base = new int[stack.length];
    int[] cursor = new int[stack.length];
    int depth = 0;
    int numbered = 1;
    int directory = 1;
    int entries = ((Directory) inodes[0]).size();
    while (depth >= 0) {
      Directory node = (Directory) inodes[stack[depth]];
      if (cursor[depth] == node.size()) {
        depth--;
        continue;
      }
      int k = cursor[depth]++;
      int entry = base[depth] + k;
      Inode child = node.child(k);
      Linked link = linked.isEmpty() ? null : linked.get(child);
      if (link != null) {
        link.names++;
        if (link.number != UNKNOWN) {
          targets[entry] = link.number;
          continue;
        }
        link.number = numbered;
      }
      targets[entry] = numbered;
      inodes[numbered] = child;
      if (child instanceof Directory below) {
        parents[directory] = stack[depth];
        firstTarget[directory++] = entries;
        depth++;
        stack[depth] = numbered;
        base[depth] = entries;
        cursor[depth] = 0;
        entries += below.size();
      }
      numbered++;
    }
  }

  /**
   * {@return true if this is a whiteout of the tree, which V0 and V1 store as a regular file with
   * marks; false for the root's stubs}
   */
  boolean isEscapedWhiteout(Inode inode) {
    return version != FormatVersion.V2
        && inode instanceof Device device
        && device.isWhiteout()
        && !stubs.contains(device);
  }

  /** {@return the link count that the image has for this inode} */
  int nlink(Inode inode) {
    if (inode instanceof Directory directory) {
      return 2 + directory.subdirectories();
    }
    if (version != FormatVersion.V2) {
      return inode.nlink();
    }
    Linked link = linked.get(inode);
    return link == null ? 1 : link.names;
  }
}
