package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A directory: names and the inodes they stand for.
 *
 * <p>Entries are added in any order until the tree is {@linkplain FileTree#of frozen}; then they
 * are sorted by the names' unsigned bytes and nothing changes any more. Under construction for one
 * thread, frozen for all.
 *
 * <p>An entry is either the <em>own</em> entry of its inode or a <em>link</em>, a further name. An
 * inode has one own entry in a tree (added twice, it would be two inodes of equal content). Which
 * one matters to V0 and V1 images: the inode is numbered where its own entry is.
 */
public final class Directory extends Inode {
  private static final byte[][] NO_NAMES = {};
  private static final @Nullable Inode[] NO_CHILDREN = {};

  private byte[][] names = NO_NAMES;

  /** Null under construction for a link whose inode is not known yet. */
  private @Nullable Inode[] children = NO_CHILDREN;

  private int count;

  /** Which entries are links; null for none. */
  private @Nullable BitSet links;

  /** Under construction, once names came out of order; null otherwise. */
  private @Nullable NameIndex index;

  private boolean sorted = true;
  private boolean frozen;
  private boolean attached;

  /** An empty directory, open for entries. */
  public Directory(Stat stat, XattrSet xattrs) {
    super(S_IFDIR, stat, xattrs);
  }

  /**
   * Adds the own entry of {@code inode}; takes {@code name} over.
   *
   * @throws InvalidTreeException if the name is not one, or is taken
   * @throws IllegalStateException if the tree is frozen, or {@code inode} is a directory that has
   *     an entry already
   */
  public void add(byte[] name, Inode inode) throws InvalidTreeException {
    if (inode instanceof Directory directory) {
      if (directory.attached || directory == this) {
        throw new IllegalStateException("a directory has one name only");
      }
      directory.attached = true;
    }
    append(name, inode);
  }

  /**
   * Adds a further name of {@code inode}; takes {@code name} over. The inode's own entry may be
   * added before or after.
   *
   * @throws InvalidTreeException if the name is not one or is taken, or {@code inode} is a
   *     directory
   * @throws IllegalStateException if the tree is frozen
   */
  public void link(byte[] name, Inode inode) throws InvalidTreeException {
    if (inode instanceof Directory) {
      throw new InvalidTreeException(
          "'" + FileName.printable(name) + "': directories cannot be hard-linked");
    }
    markLink(append(name, inode));
  }

  /**
   * Adds a further name of an inode that is not known yet; takes {@code name} over. {@link
   * #completeLink} must follow before the tree is frozen.
   */
  public void reserveLink(byte[] name) throws InvalidTreeException {
    markLink(append(name, null));
  }

  /** Says what a {@linkplain #reserveLink reserved} name stands for. */
  public void completeLink(byte[] name, Inode inode) throws InvalidTreeException {
    if (inode instanceof Directory) {
      throw new InvalidTreeException(
          "'" + FileName.printable(name) + "': directories cannot be hard-linked");
    }
    int at = position(name);
    if (frozen || at < 0 || children[at] != null) {
      throw new IllegalStateException("no reserved name " + FileName.printable(name));
    }
    children[at] = inode;
  }

  /**
   * {@return true if {@code name} has been {@linkplain #reserveLink reserved} and not been
   * completed}
   */
  public boolean isReserved(byte[] name) {
    int at = position(name);
    return at >= 0 && children[at] == null;
  }

  private int append(byte[] name, @Nullable Inode inode) throws InvalidTreeException {
    if (frozen) {
      throw new IllegalStateException("the tree is frozen");
    }
    FileName.check(name);
    if (index == null && count > 0 && Arrays.compareUnsigned(names[count - 1], name) >= 0) {
      index = new NameIndex(names, count);
      sorted = false;
    }
    if (index != null && index.find(names, name) >= 0) {
      throw new InvalidTreeException("'" + FileName.printable(name) + "' exists already");
    }
    if (count == names.length) {
      int capacity = count < 4 ? 4 : count + (count >> 1);
      names = Arrays.copyOf(names, capacity);
      children = Arrays.copyOf(children, capacity);
    }
    names[count] = name;
    children[count] = inode;
    if (index != null) {
      index.add(names, count);
    }
    return count++;
  }

  private void markLink(int at) {
    if (links == null) {
      links = new BitSet();
    }
    links.set(at);
  }

  /** {@return the number of entries, without {@code .} and {@code ..}} */
  public int size() {
    return count;
  }

  /**
   * {@return the name of entry {@code i}, not to be changed; in name order once the tree is frozen}
   */
  public byte[] name(int i) {
    return names[i];
  }

  /** {@return the inode of entry {@code i}} */
  public Inode child(int i) {
    Inode inode = children[i];
    if (inode == null) {
      throw new IllegalStateException("link " + FileName.printable(names[i]) + " is incomplete");
    }
    return inode;
  }

  /**
   * {@return true if entry {@code i} is a further name of its inode, whose own entry is elsewhere}
   */
  public boolean isLink(int i) {
    return links != null && links.get(i);
  }

  /**
   * {@return the position of the entry with this name, or a negative number: once the tree is
   * frozen, -1 minus the position that it would have}
   */
  public int position(byte[] name) {
    if (index != null) {
      return index.find(names, name);
    }
    return Arrays.binarySearch(names, 0, count, name, Arrays::compareUnsigned);
  }

  /** {@return the inode of this name, or null if there is none or the name is only reserved} */
  public @Nullable Inode find(byte[] name) {
    int at = position(name);
    return at < 0 ? null : children[at];
  }

  /** {@return the entries in name order, once the tree is frozen} */
  public List<Entry> entries() {
    List<Entry> entries = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      entries.add(new Entry(names[i], child(i), isLink(i)));
    }
    return entries;
  }

  /**
   * One name in a directory.
   *
   * @param name the name's bytes, not to be changed
   * @param inode what it stands for
   * @param isLink whether this is a further name of the inode
   */
  public record Entry(byte[] name, Inode inode, boolean isLink) {}

  /**
   * {@return the number of entries that are directories, which is what {@code st_nlink} counts
   * beyond 2}
   */
  public int subdirectories() {
    int directories = 0;
    for (int i = 0; i < count; i++) {
      if (children[i] instanceof Directory) {
        directories++;
      }
    }
    return directories;
  }

  /**
   * {@return a frozen directory with the entries of this frozen one and, under each of {@code
   * names} that is not taken, {@code inode}'s answer}
   *
   * @param extra names in ascending order, without repetition; taken over
   */
  public Directory withMissing(byte[][] extra, Function<byte[], Inode> inode) {
    if (!frozen) {
      throw new IllegalStateException("the directory is under construction");
    }
    Directory result = new Directory(stat(), xattrs());
    result.names = new byte[count + extra.length][];
    result.children = new Inode[count + extra.length];
    result.links = links == null ? null : new BitSet();
    int at = 0;
    for (int i = 0, j = 0; i < count || j < extra.length; at++) {
      int order =
          i == count ? 1 : j == extra.length ? -1 : Arrays.compareUnsigned(names[i], extra[j]);
      if (order > 0) {
        result.names[at] = extra[j];
        result.children[at] = inode.apply(extra[j]);
        j++;
      } else {
        result.names[at] = names[i];
        result.children[at] = children[i];
        if (isLink(i)) {
          result.markLink(at);
        }
        i++;
        j += order == 0 ? 1 : 0;
      }
    }
    result.count = at;
    result.names = Arrays.copyOf(result.names, at);
    result.children = Arrays.copyOf(result.children, at);
    result.frozen = true;
    return result;
  }

  /** Sorts and closes this directory, not those below. */
  void freeze() throws InvalidTreeException {
    for (int i = 0; i < count; i++) {
      if (children[i] == null) {
        throw new InvalidTreeException("link " + FileName.printable(names[i]) + " is incomplete");
      }
    }
    if (!sorted && index != null) {
      sort(index);
    }
    if (names.length != count) {
      names = Arrays.copyOf(names, count);
      children = Arrays.copyOf(children, count);
    }
    index = null;
    sorted = true;
    frozen = true;
  }

  boolean isFrozen() {
    return frozen;
  }

  private void sort(NameIndex unsorted) {
    byte[][] sortedNames = Arrays.copyOf(names, count);
    Arrays.sort(sortedNames, Arrays::compareUnsigned);
    @Nullable Inode[] sortedChildren = new Inode[count];
    BitSet sortedLinks = links == null ? null : new BitSet();
    for (int i = 0; i < count; i++) {
      int from = unsorted.find(names, sortedNames[i]);
      sortedChildren[i] = children[from];
      if (sortedLinks != null) {
        sortedLinks.set(i, isLink(from));
      }
    }
    names = sortedNames;
    children = sortedChildren;
    links = sortedLinks;
  }
}
