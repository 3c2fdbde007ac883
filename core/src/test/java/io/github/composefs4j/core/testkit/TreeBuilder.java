package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.util.HashMap;
import java.util.Map;

/**
 * Trees in a few lines: {@code new TreeBuilder().dir("/usr").file("/usr/a", "text").tree()}. Paths
 * are absolute, parents first; text by the rule of {@link FileName#encode}.
 */
public final class TreeBuilder {
  private final Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
  private final Map<String, Inode> inodes = new HashMap<>(Map.of("", root));

  /** Adds a directory, mode 0755. */
  public TreeBuilder dir(String path) {
    return add(path, new Directory(Stat.of(0755), XattrSet.EMPTY));
  }

  /** Adds a file with content inside the image, mode 0644. */
  public TreeBuilder file(String path, String content) {
    try {
      return add(path, RegularFile.inline(Stat.of(0644), XattrSet.EMPTY, FileName.encode(content)));
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Adds a file whose content is an object. */
  public TreeBuilder object(String path, long size, Digest digest) {
    try {
      return add(path, RegularFile.external(Stat.of(0644), XattrSet.EMPTY, size, digest));
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Adds a symlink. */
  public TreeBuilder symlink(String path, String target) {
    try {
      return add(path, new Symlink(Stat.of(0777), XattrSet.EMPTY, FileName.encode(target)));
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Adds a whiteout. */
  public TreeBuilder whiteout(String path) {
    return add(path, Device.character(Stat.of(0), XattrSet.EMPTY, 0));
  }

  /** Adds a further name of the inode at {@code target}. */
  public TreeBuilder link(String path, String target) {
    Inode inode = inodes.get(target);
    if (inode == null) {
      throw new IllegalArgumentException("nothing at " + target);
    }
    try {
      parent(path).link(name(path), inode);
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
    return this;
  }

  /** Adds any inode. */
  public TreeBuilder add(String path, Inode inode) {
    try {
      parent(path).add(name(path), inode);
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
    inodes.put(path, inode);
    return this;
  }

  /** {@return the tree; the builder is done} */
  public FileTree tree() {
    try {
      return FileTree.of(root);
    } catch (InvalidTreeException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private Directory parent(String path) {
    if (inodes.get(path.substring(0, path.lastIndexOf('/'))) instanceof Directory directory) {
      return directory;
    }
    throw new IllegalArgumentException("no parent of " + path);
  }

  private static byte[] name(String path) {
    return FileName.encode(path.substring(path.lastIndexOf('/') + 1));
  }
}
