package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A depth-first walk over an image: the root, then for each directory its entries in name order,
 * each followed at once by what is below it (dump-format.md 11.1). Stubs are left out. Builds no
 * tree: memory is a bit for every 32 bytes of image, and a name for every hard-linked inode and the
 * directories above it. For one thread.
 */
public final class ImageWalk {
  private final ErofsImage image;
  private final @Nullable Predicate<byte[]> filter;
  private final Seen seen;
  private final Map<Long, Name> firstNames = new HashMap<>();
  private final DirentCursor[] cursors = new DirentCursor[Limits.DEPTH_MAX + 2];
  private final ImageInode[] directories = new ImageInode[Limits.DEPTH_MAX + 2];
  private final int[] pathLengths = new int[Limits.DEPTH_MAX + 2];

  /** Names of the directories that we are in, as far as some inode needed them. */
  private final @Nullable Name[] directoryNames = new @Nullable Name[Limits.DEPTH_MAX + 2];

  private final long mostEntries;
  private int depth = -1;
  private byte[] path = new byte[256];
  private int pathLength;
  private long entries;
  private long footprint;
  private @Nullable ImageInode inode;
  private boolean repeated;

  /** A walk over everything. */
  public ImageWalk(ErofsImage image) {
    this(image, null);
  }

  /**
   * A walk over the root and those of its entries that a filter takes, with all that is below them.
   *
   * @param filter asked for names of the root's entries; null takes all
   */
  public ImageWalk(ErofsImage image, @Nullable Predicate<byte[]> filter) {
    this.image = image;
    this.filter = filter;
    this.seen = new Seen(image.size());
    // An entry takes 12 bytes and its name at least one; directories that share blocks would exceed
    // this.
    this.mostEntries = image.size() / (ImageLayout.DIRENT + 1);
  }

  /** {@return a filter that takes exactly these names} */
  public static Predicate<byte[]> names(Collection<byte[]> names) {
    List<byte[]> wanted = List.copyOf(names);
    return name -> wanted.stream().anyMatch(other -> Arrays.equals(other, name));
  }

  /**
   * {@return true if it moved to the next name}
   *
   * @throws CorruptImageException where the image breaks a rule
   */
  public boolean next() throws IOException {
    if (inode == null) {
      inode = image.root();
      path[0] = '/';
      pathLength = 1;
      seen.add(inode.nid());
      take(inode);
      push(inode, 0);
      return true;
    }
    while (depth >= 0) {
      DirentCursor cursor = cursors[depth];
      ImageInode directory = directories[depth];
      boolean more = cursor.next();
      cursor.requireParent(depth == 0 ? directory.nid() : directories[depth - 1].nid());
      if (!more) {
        depth--;
        continue;
      }
      if (++entries > mostEntries) {
        throw directory.corrupt("more entries than fit in the image");
      }
      if (depth == 0 && filter != null && !filter.test(cursor.name())) {
        continue;
      }
      ImageInode child = cursor.inode();
      if (isStub(child)) {
        continue;
      }
      appendName(cursor);
      visit(child);
      return true;
    }
    return false;
  }

  private boolean isStub(ImageInode child) throws IOException {
    if (!child.isStoredWhiteout() || image.profile() != ImageProfile.COMPOSEFS) {
      return false;
    }
    if (child.nlink() != 1) {
      throw child.corrupt("a whiteout with several names");
    }
    if (image.version() == FormatVersion.V2) {
      return false;
    }
    if (depth > 0) {
      throw child.corrupt("a stub outside of the root");
    }
    return true;
  }

  private void appendName(DirentCursor cursor) {
    int base = pathLengths[depth];
    int needed = base + 1 + cursor.nameLength();
    if (needed > path.length) {
      path = Arrays.copyOf(path, 2 * needed);
    }
    path[base] = '/';
    cursor.copyName(path, base + 1);
    pathLength = needed;
  }

  private void visit(ImageInode child) throws IOException {
    inode = child;
    repeated = !seen.add(child.nid());
    if (!repeated) {
      take(child);
    }
    if (child.isDirectory()) {
      if (repeated) {
        throw child.corrupt("a directory with two names");
      }
      if (depth == Limits.DEPTH_MAX) {
        throw child.corrupt("directories are nested deeper than " + Limits.DEPTH_MAX);
      }
      push(child, pathLength);
    } else if (!repeated && child.nlink() != 1) {
      firstNames.put(child.nid(), currentName());
    }
  }

  /** Inodes share no bytes. If they did, a small image could hold more than fits in memory. */
  private void take(ImageInode first) throws CorruptImageException {
    footprint += first.footprint();
    if (footprint > image.size()) {
      throw first.corrupt("inodes overlap: they are more than the image has bytes");
    }
  }

  /** The current name with those above it, which names in the same directory share. */
  private Name currentName() {
    for (int i = 1; i <= depth; i++) {
      if (directoryNames[i] == null) {
        directoryNames[i] =
            new Name(
                directoryNames[i - 1],
                Arrays.copyOfRange(path, pathLengths[i - 1], pathLengths[i]));
      }
    }
    return new Name(
        directoryNames[depth], Arrays.copyOfRange(path, pathLengths[depth], pathLength));
  }

  private void push(ImageInode directory, int length) throws IOException {
    depth++;
    directories[depth] = directory;
    cursors[depth] = directory.entries();
    pathLengths[depth] = length;
    directoryNames[depth] = null;
  }

  /** {@return the current inode} */
  public ImageInode inode() {
    if (inode == null) {
      throw new IllegalStateException("before the first");
    }
    return inode;
  }

  /** {@return true at the root} */
  public boolean isRoot() {
    return pathLength == 1;
  }

  /**
   * {@return the array that holds the current path, {@code /} or {@code /a/b}, not to be changed}
   */
  public byte[] pathArray() {
    return path;
  }

  /** {@return the length of the current path} */
  public int pathLength() {
    return pathLength;
  }

  /** {@return how many directories are above the current name; 0 at the root} */
  int depth() {
    return isRoot() ? 0 : depth + (inode().isDirectory() ? 0 : 1);
  }

  /** {@return true if the inode was met before, under another name} */
  public boolean isRepeated() {
    return repeated;
  }

  /** {@return the path under which the current inode was met first} */
  public byte[] firstPath() throws IOException {
    if (!repeated) {
      return Arrays.copyOf(path, pathLength);
    }
    Name known = firstNames.get(inode().nid());
    if (known == null) {
      findFirstNames();
      known = firstNames.get(inode().nid());
    }
    if (known == null) {
      throw inode().corrupt("the image changed while it was read");
    }
    return known.path();
  }

  /**
   * Finds the first names of inodes with several names but a link count of 1, which writers copy
   * unchecked. All at once: a walk for each would take too long where they are many.
   */
  private void findFirstNames() throws IOException {
    Set<Long> wanted = new HashSet<>();
    ImageWalk walk = new ImageWalk(image, filter);
    while (walk.next()) {
      if (walk.repeated && walk.inode().nlink() == 1) {
        wanted.add(walk.inode().nid());
      }
    }
    walk = new ImageWalk(image, filter);
    while (walk.next()) {
      if (!walk.repeated && wanted.contains(walk.inode().nid())) {
        firstNames.put(walk.inode().nid(), walk.currentName());
      }
    }
  }

  /**
   * A name and those above it.
   *
   * @param parent null below the root
   * @param name with a slash before it
   */
  private record Name(@Nullable Name parent, byte[] name) {
    byte[] path() {
      int length = 0;
      for (Name at = this; at != null; at = at.parent) {
        length += at.name.length;
      }
      byte[] path = new byte[length];
      for (Name at = this; at != null; at = at.parent) {
        length -= at.name.length;
        System.arraycopy(at.name, 0, path, length, at.name.length);
      }
      return path;
    }
  }

  /** The nids that were met. Far apart ones cost little: images may be large and sparse. */
  private static final class Seen {
    private static final int PART_BITS = 20;

    private final @Nullable BitSet[] parts;

    Seen(long imageSize) {
      parts = new @Nullable BitSet[(int) (imageSize / ImageLayout.SLOT >>> PART_BITS) + 1];
    }

    /** {@return true if it is new} */
    boolean add(long nid) {
      int part = (int) (nid >>> PART_BITS);
      int bit = (int) nid & (1 << PART_BITS) - 1;
      BitSet bits = parts[part];
      if (bits == null) {
        bits = new BitSet();
        parts[part] = bits;
      }
      boolean isNew = !bits.get(bit);
      bits.set(bit);
      return isNew;
    }
  }
}
