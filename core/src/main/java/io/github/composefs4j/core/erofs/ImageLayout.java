package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Symlink;
import java.util.BitSet;

/**
 * Third phase of writing: where everything goes (erofs-image.md 6, 8, 11). No bytes yet.
 *
 * <p>Kept per inode is only its nid; what else follows from the inode is computed again when it is
 * written.
 */
final class ImageLayout {
  static final int BLOCK = 4096;
  static final int SLOT = 32;
  static final int COMPACT = 32;
  static final int EXTENDED = 64;
  static final int DIRENT = 12;
  static final int INODES_START = 1152;

  /**
   * Directory and file tails up to this size lie behind the inode, larger ones in a block of their
   * own.
   */
  private static final int TAIL_MAX = 2048;

  private static final int CHUNK_BITS_MAX = 43;
  private static final int CHUNKS_MAX = 1024;
  private static final int V2_CHUNK_FORMAT = CHUNK_BITS_MAX - 12;

  final InodeTable table;
  final XattrTable xattrs;

  /** By inode: its position divided by 32, unsigned. */
  final int[] nids;

  /** Chunk-based inodes whose entries were moved to a block of their own. */
  private final BitSet displaced = new BitSet();

  private long minSeconds = Long.MAX_VALUE;
  private int minNanos;
  private long inodesEnd;
  private long dataStart;
  private long blocks;

  private ImageLayout(InodeTable table, XattrTable xattrs) {
    this.table = table;
    this.xattrs = xattrs;
    this.nids = new int[table.inodes.length];
  }

  /**
   * {@return the positions of everything in the image}
   *
   * @throws InvalidTreeException if the version cannot hold the tree
   */
  static ImageLayout plan(InodeTable table, XattrTable xattrs) throws InvalidTreeException {
    ImageLayout layout = new ImageLayout(table, xattrs);
    if (table.version != FormatVersion.V2) {
      layout.findMinMtime();
    }
    layout.place();
    return layout;
  }

  private void findMinMtime() {
    for (Inode inode : table.inodes) {
      takeOlder(inode);
    }
  }

  private void takeOlder(Inode inode) {
    long seconds = inode.mtimeSeconds();
    if (seconds < minSeconds
        || (seconds == minSeconds && Integer.compareUnsigned(inode.mtimeNanos(), minNanos) < 0)) {
      minSeconds = seconds;
      minNanos = inode.mtimeNanos();
    }
  }

  private void place() throws InvalidTreeException {
    DataSize data = new DataSize();
    long pos = INODES_START;
    for (int i = 0; i < nids.length; i++) {
      pos = place(i, pos, data);
      blocks += data.blocks;
    }
    inodesEnd = roundUp(pos, SLOT);
    dataStart = roundUp(inodesEnd + xattrs.sharedSize(), BLOCK);
    blocks += dataStart / BLOCK;
    if (blocks > 0xffff_ffffL) {
      throw new InvalidTreeException("the image needs more than 2^32 blocks");
    }
  }

  /** Gives an inode its place at or after a position; {@return the position after it} */
  private long place(int number, long from, DataSize data) throws InvalidTreeException {
    boolean v2 = table.version == FormatVersion.V2;
    Inode inode = table.inodes[number];
    measure(number, data);
    int body = xattrs.bodySize(number);
    int head = (v2 || !isCompact(number, data) ? EXTENDED : COMPACT) + body;
    long pos = roundUp(from, SLOT);
    pos += v2 ? paddingV2(inode, pos, head, data) : padding(number, pos, head, data);
    if (pos / SLOT > 0xffff_ffffL) {
      throw new InvalidTreeException("the tree needs more than 128 GiB of inodes");
    }
    if (v2 && inode instanceof Symlink) {
      requireOneBlock(pos + head, data.tail);
    }
    nids[number] = (int) (pos / SLOT);
    return pos + head + data.tail;
  }

  /** What an inode has in data blocks, and behind its xattr body; reusable. */
  static final class DataSize {
    long blocks;
    int tail;
  }

  /** Section 6.1, and its V2 counterpart: without regard to the position. */
  void measure(int number, DataSize data) throws InvalidTreeException {
    data.blocks = 0;
    data.tail = 0;
    boolean v2 = table.version == FormatVersion.V2;
    Inode inode = table.inodes[number];
    if (inode instanceof Directory directory) {
      measureDirectory(directory, data);
    } else if (inode instanceof Symlink symlink) {
      data.tail = symlink.target().length;
    } else if (inode instanceof RegularFile file) {
      byte[] inline = file.inlineBytes();
      if (inline != null) {
        measureInline(inline.length, v2, data);
      } else if (file.size() > 0) {
        data.tail = 4 * chunks(file);
      }
    } else if (inode instanceof Device device
        && v2
        && device.isWhiteout()
        && table.nlink(device) != 1) {
      // Readers refuse it (12.3, W3); V0 and V1 store whiteouts as regular files.
      throw new InvalidTreeException("V2 images hold no whiteout with several names");
    }
  }

  private static void measureDirectory(Directory directory, DataSize data) {
    DirentOrder order = new DirentOrder(directory);
    int used = 0;
    for (int i = 0; i < order.size(); i++) {
      int cost = DIRENT + order.name(i).length;
      if (used + cost > BLOCK) {
        data.blocks++;
        used = 0;
      }
      used += cost;
    }
    if (used > TAIL_MAX) {
      data.blocks++;
    } else {
      data.tail = used;
    }
  }

  private static void measureInline(int size, boolean v2, DataSize data)
      throws InvalidTreeException {
    if (v2) {
      if (size > Limits.INLINE_MAX_V2) {
        throw new InvalidTreeException(
            "V2 images hold inline content of at most " + Limits.INLINE_MAX_V2 + " bytes");
      }
      data.tail = size;
      return;
    }
    data.blocks = size / BLOCK;
    data.tail = size % BLOCK;
    if (data.tail > TAIL_MAX) {
      data.blocks++;
      data.tail = 0;
    }
  }

  private int chunks(RegularFile file) throws InvalidTreeException {
    if (!file.isCanonicalObject() && file.content() instanceof Content.Blocks) {
      throw new InvalidTreeException(
          "content in blocks of another image cannot be written: store it as an object");
    }
    if (table.version == FormatVersion.V2) {
      return file.digest() == null ? 0 : 1;
    }
    int bits = chunkBits(file.size());
    long count = (file.size() - 1 >>> bits) + 1;
    if (count > CHUNKS_MAX) {
      throw new InvalidTreeException("file of " + file.size() + " bytes is too large");
    }
    return (int) count;
  }

  private static int chunkBits(long size) {
    return Math.clamp(64 - Long.numberOfLeadingZeros(size - 1), 12, CHUNK_BITS_MAX);
  }

  /** {@return the chunk format word of an external file of this size} */
  int chunkFormat(long size) {
    return table.version == FormatVersion.V2 ? V2_CHUNK_FORMAT : chunkBits(size) - 12;
  }

  /** Section 6.2, by the data size of section 6.1. */
  boolean isCompact(int number, DataSize data) {
    Inode inode = table.inodes[number];
    if (table.version == FormatVersion.V2
        || inode.mtimeSeconds() != minSeconds
        || inode.mtimeNanos() != minNanos
        || (inode.uid() | inode.gid()) >>> 16 != 0
        || table.nlink(inode) >>> 16 != 0) {
      return false;
    }
    return sizeOf(inode, data) >>> 32 == 0;
  }

  /** The size that a compact inode would have to hold. */
  private long sizeOf(Inode inode, DataSize data) {
    if (inode instanceof Directory) {
      return data.blocks * BLOCK + data.tail;
    }
    if (inode instanceof RegularFile file) {
      return file.size();
    }
    if (inode instanceof Symlink symlink) {
      return symlink.target().length;
    }
    if (inode
        instanceof Device device) { // most images have 256 of them: no switch, which is slow once
      return table.isEscapedWhiteout(device) ? 0 : device.size();
    }
    return inode instanceof Fifo fifo ? fifo.size() : ((Socket) inode).size();
  }

  /** Section 6.3: the padding before an inode; may move its tail to a block. */
  private long padding(int number, long pos, int head, DataSize data) {
    if (table.inodes[number] instanceof Symlink) {
      long total = head + (long) data.tail;
      moveSymlink(head, data);
      return pos / BLOCK == (pos + total - 1) / BLOCK ? 0 : toBlock(pos);
    }
    long end = pos + head;
    long room = BLOCK - end % BLOCK;
    if (room >= data.tail) {
      return 0;
    }
    long pad = roundUp(room, SLOT);
    if (data.tail <= BLOCK - (end + pad) % BLOCK) {
      return pad;
    }
    data.blocks++;
    data.tail = 0;
    displaced.set(number);
    return toBlock(pos);
  }

  /**
   * A symlink that would not fit in one block with its target has the target in a block of its own.
   */
  static void moveSymlink(int head, DataSize data) {
    if (head + data.tail >= BLOCK) {
      data.blocks = 1;
      data.tail = 0;
    }
  }

  /** Section 11: what lies behind the body must not cross into another block. */
  private static long paddingV2(Inode inode, long pos, int head, DataSize data) {
    if (data.tail == 0 || isExternal(inode)) {
      return 0;
    }
    long last = pos + head - 1;
    if (last / BLOCK == (last + 1 + data.tail) / BLOCK) {
      return 0;
    }
    return roundUp(pos + BLOCK - last % BLOCK, SLOT) - pos;
  }

  /** V2 has no other place for a target than behind its inode, and kernels read no tail across. */
  private static void requireOneBlock(long start, int target) throws InvalidTreeException {
    if (start / BLOCK != (start + target - 1) / BLOCK) {
      throw new InvalidTreeException(
          "a symlink target of "
              + target
              + " bytes would lie in two blocks of a V2 image, where kernels cannot read it");
    }
  }

  /** Corrects what {@link #measure} said by the position of the inode. */
  void finalSize(int number, int head, DataSize data) {
    if (table.version == FormatVersion.V2) {
      return;
    }
    if (table.inodes[number] instanceof Symlink) {
      moveSymlink(head, data);
    } else if (displaced.get(number)) {
      data.blocks++;
      data.tail = 0;
    }
  }

  /** {@return true for a file whose content is neither empty nor in the image} */
  static boolean isExternal(Inode inode) {
    return inode instanceof RegularFile file && file.size() > 0 && file.inlineBytes() == null;
  }

  private static long toBlock(long pos) {
    return roundUp(pos, BLOCK) - pos;
  }

  static long roundUp(long value, int multiple) {
    return (value + multiple - 1) & -multiple;
  }

  /** {@return the position of an inode in bytes} */
  long position(int number) {
    return Integer.toUnsignedLong(nids[number]) * SLOT;
  }

  long minSeconds() {
    return minSeconds;
  }

  int minNanos() {
    return minNanos;
  }

  long inodesEnd() {
    return inodesEnd;
  }

  long dataStart() {
    return dataStart;
  }

  long blocks() {
    return blocks;
  }
}
