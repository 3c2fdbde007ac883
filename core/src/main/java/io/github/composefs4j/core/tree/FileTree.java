package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A complete, immutable file tree. What exists is valid: names, sizes and attributes are within
 * {@link Limits}, every link's inode has its own entry in the tree, and no directory is nested
 * deeper than {@link Limits#DEPTH_MAX}. Thread-safe.
 */
public final class FileTree {
  private final Directory root;
  private final long inodes;
  private final long directories;
  private final long entries;

  private FileTree(Directory root, long inodes, long directories, long entries) {
    this.root = root;
    this.inodes = inodes;
    this.directories = directories;
    this.entries = entries;
  }

  /**
   * {@return the tree below {@code root}, whose directories are sorted and closed for further
   * entries}
   *
   * @throws InvalidTreeException if a link is incomplete or its inode has no own entry, or the tree
   *     is nested too deeply
   */
  public static FileTree of(Directory root) throws InvalidTreeException {
    if (root.isFrozen()) {
      throw new IllegalStateException("the directory belongs to a tree already");
    }
    Set<Inode> linked = Collections.newSetFromMap(new IdentityHashMap<>());
    long inodes = 1;
    long directories = 0;
    long entries = 0;
    List<Directory> level = List.of(root);
    for (int depth = 1; !level.isEmpty(); depth++) {
      List<Directory> below = new ArrayList<>();
      directories += level.size();
      for (Directory directory : level) {
        directory.freeze();
        entries += directory.size();
        for (int i = 0; i < directory.size(); i++) {
          Inode child = directory.child(i);
          if (directory.isLink(i)) {
            linked.add(child);
            continue;
          }
          inodes++;
          if (child instanceof Directory next) {
            if (depth > Limits.DEPTH_MAX) {
              throw new InvalidTreeException(
                  "directories are nested deeper than " + Limits.DEPTH_MAX);
            }
            below.add(next);
          }
        }
      }
      level = below;
    }
    if (!linked.isEmpty()) {
      checkOwnEntries(root, linked);
    }
    return new FileTree(root, inodes, directories, entries);
  }

  private static void checkOwnEntries(Directory root, Set<Inode> linked)
      throws InvalidTreeException {
    ArrayDeque<Directory> queue = new ArrayDeque<>(List.of(root));
    for (Directory directory; (directory = queue.poll()) != null; ) {
      for (int i = 0; i < directory.size(); i++) {
        Inode child = directory.child(i);
        if (child instanceof Directory next) {
          queue.add(next);
        } else if (!directory.isLink(i)) {
          linked.remove(child);
        }
      }
    }
    if (!linked.isEmpty()) {
      throw new InvalidTreeException("a hard link's inode has no entry of its own");
    }
  }

  /** {@return the root directory} */
  public Directory root() {
    return root;
  }

  /** {@return the number of inodes, the root included; further names do not count} */
  public long inodes() {
    return inodes;
  }

  /** {@return the number of directories, the root included} */
  public long directories() {
    return directories;
  }

  /** {@return the number of directory entries, further names included} */
  public long entries() {
    return entries;
  }

  /**
   * {@return the inode at a path such as {@code /usr/bin/sh}, text by the rule of {@link
   * FileName#encode}, or null; symlinks are not followed}
   */
  public @Nullable Inode find(String path) {
    Inode inode = root;
    for (String name : path.split("/", -1)) {
      if (name.isEmpty()) {
        continue;
      }
      if (!(inode instanceof Directory directory)) {
        return null;
      }
      inode = directory.find(FileName.encode(name));
      if (inode == null) {
        return null;
      }
    }
    return inode;
  }
}
