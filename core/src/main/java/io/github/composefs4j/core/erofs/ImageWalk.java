package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A depth-first walk over an image: the root, then for each directory its entries in name order,
 * each followed at once by what is below it (dump-format.md 11.1). Stubs are left out. Builds no
 * tree: memory is a bit for every 32 bytes of image, and a path for every hard-linked inode. For
 * one thread.
 */
public final class ImageWalk {
  private final ErofsImage image;
  private final @Nullable Predicate<byte[]> filter;
  private final BitSet seen = new BitSet();
  private final Map<Long, byte[]> firstPaths = new HashMap<>();
  private final DirentCursor[] cursors = new DirentCursor[Limits.DEPTH_MAX + 2];
  private final ImageInode[] directories = new ImageInode[Limits.DEPTH_MAX + 2];
  private final int[] pathLengths = new int[Limits.DEPTH_MAX + 2];
  private final long mostEntries;
  private int depth = -1;
  private byte[] path = new byte[256];
  private int pathLength;
  private long entries;
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
      seen.set(bit(inode));
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
    return image.version() != FormatVersion.V2;
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
    int bit = bit(child);
    repeated = seen.get(bit);
    seen.set(bit);
    if (child.isDirectory()) {
      if (repeated) {
        throw child.corrupt("a directory with two names");
      }
      if (depth == Limits.DEPTH_MAX) {
        throw child.corrupt("directories are nested deeper than " + Limits.DEPTH_MAX);
      }
      push(child, pathLength);
    } else if (!repeated && child.nlink() != 1) {
      firstPaths.put(child.nid(), Arrays.copyOf(path, pathLength));
    }
  }

  private static int bit(ImageInode inode) {
    return Math.toIntExact(inode.nid());
  }

  private void push(ImageInode directory, int length) throws IOException {
    depth++;
    directories[depth] = directory;
    cursors[depth] = directory.entries();
    pathLengths[depth] = length;
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
    byte[] known = firstPaths.get(inode().nid());
    if (known != null) {
      return known;
    }
    // Its link count is 1 although it has several names: writers copy that number unchecked. Look
    // again.
    ImageWalk search = new ImageWalk(image, filter);
    while (search.next()) {
      if (search.inode().nid() == inode().nid()) {
        byte[] found = Arrays.copyOf(search.path, search.pathLength);
        firstPaths.put(inode().nid(), found);
        return found;
      }
    }
    throw new IllegalStateException("met before, but not found");
  }
}
