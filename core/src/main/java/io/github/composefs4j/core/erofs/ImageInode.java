package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One inode of an image, as stored. Checked when it is made: header, xattr body and data lie inside
 * the image, kind, size and layout go together (erofs-image.md 12.3, I1 to I9). Immutable and
 * thread-safe; lives as long as its image.
 */
public final class ImageInode {
  static final int FLAT_PLAIN = 0;
  static final int FLAT_INLINE = 2;
  static final int CHUNK_BASED = 4;

  private static final int CHUNK_BITS = 0x1f;
  private static final int CHUNK_INDEXES = 0x20;
  private static final long HOLE = 0xffff_ffffL;
  private static final byte[] DOT_DOT = {'.', '.'};

  private final ErofsImage image;
  private final ImageBytes bytes;
  private final long nid;
  private final long offset;
  private final int layout;
  private final boolean compact;
  private final int mode;
  private final int nlink;
  private final long size;
  private final int u;
  private final int uid;
  private final int gid;
  private final long mtimeSeconds;
  private final int mtimeNanos;
  private final int bodySize;
  private final boolean dotOmitted;

  /** Volatile, since threads that share this share what was read. */
  private volatile @Nullable ImageAttributes attributes;

  ImageInode(ErofsImage image, long nid) throws IOException {
    this.image = image;
    this.bytes = image.bytes();
    this.nid = nid;
    Superblock superblock = image.superblock();
    if (nid < 0 || nid > bytes.size() / ImageLayout.SLOT) {
      throw new CorruptImageException(
          bytes.name(), 0, "nid " + Long.toUnsignedString(nid) + " is outside of the image");
    }
    offset = superblock.metaStart() + nid * ImageLayout.SLOT;
    int format = bytes.u16(offset);
    compact = (format & 1) == 0;
    layout = format >> 1 & 7;
    boolean composefs = image.profile() == ImageProfile.COMPOSEFS;
    if (format >> 4 != 0 && (composefs || format >> 5 != 0)) {
      throw corrupt("format bits 0x" + Integer.toHexString(format));
    }
    int header = compact ? ImageLayout.COMPACT : ImageLayout.EXTENDED;
    bytes.require(offset, header, "inode ", nid);
    long[] fields = new long[header / Long.BYTES];
    bytes.copy(offset, fields, fields.length);
    int icount = u16(fields, Disk.I_XATTR_ICOUNT);
    bodySize = icount == 0 ? 0 : XattrList.BODY_HEADER + 4 * (icount - 1);
    mode = u16(fields, Disk.I_MODE);
    u = i32(fields, Disk.I_U);
    if (compact) {
      // Bit 4 of other than directories: one link, the field has another use.
      boolean oneLink = format >> 4 != 0 && (mode & Inode.S_IFMT) != Inode.S_IFDIR;
      nlink = oneLink ? 1 : u16(fields, Disk.COMPACT_NLINK);
      size = Integer.toUnsignedLong(i32(fields, Disk.I_SIZE));
      uid = u16(fields, Disk.COMPACT_UID);
      gid = u16(fields, Disk.COMPACT_GID);
      mtimeSeconds =
          superblock.buildSeconds()
              + (composefs ? 0 : Integer.toUnsignedLong(i32(fields, Disk.COMPACT_MTIME)));
      mtimeNanos = superblock.buildNanos();
    } else {
      nlink = i32(fields, Disk.EXTENDED_NLINK);
      size = fields[Disk.I_SIZE / Long.BYTES];
      uid = i32(fields, Disk.EXTENDED_UID);
      gid = i32(fields, Disk.EXTENDED_GID);
      mtimeSeconds = fields[Disk.EXTENDED_MTIME / Long.BYTES];
      mtimeNanos = i32(fields, Disk.EXTENDED_MTIME_NSEC);
    }
    dotOmitted = format >> 4 != 0 && isDirectory();
    checkKind();
    if (icount == 1) {
      throw corrupt("an xattr body without anything in it");
    }
    bytes.require(offset + header, bodySize, "the xattr body of inode ", nid);
    checkData();
  }

  private static int i32(long[] fields, int at) {
    return (int) (fields[at >> 3] >>> (at & 7) * Byte.SIZE);
  }

  private static int u16(long[] fields, int at) {
    return i32(fields, at) & 0xffff;
  }

  CorruptImageException corrupt(String reason) {
    return new CorruptImageException(bytes.name(), offset, "inode " + nid + ": " + reason);
  }

  private void checkKind() throws IOException {
    if (Disk.fileType(mode) == 0) {
      throw corrupt("mode 0" + Integer.toOctalString(mode) + " has no known type");
    }
    boolean composefs = image.profile() == ImageProfile.COMPOSEFS;
    if (layout != FLAT_PLAIN && layout != FLAT_INLINE && layout != CHUNK_BASED) {
      if (composefs || layout > CHUNK_BASED) {
        throw corrupt("data layout " + layout);
      }
      throw new UnsupportedFormatException(
          bytes.name(), "inode " + nid + " is compressed, which is not supported");
    }
    if (layout == CHUNK_BASED && !isRegular() && (composefs || !hasData())) {
      throw corrupt("chunks, but no regular file");
    }
  }

  private boolean hasData() {
    return isRegular() || isDirectory() || isSymlink();
  }

  private void checkData() throws IOException {
    if (!hasData()) {
      return;
    }
    boolean composefs = image.profile() == ImageProfile.COMPOSEFS;
    boolean v2 = composefs && image.version() == FormatVersion.V2;
    if (isSymlink() && (size < 1 || size > Limits.SYMLINK_MAX)) {
      throw corrupt("a symlink of size " + Long.toUnsignedString(size));
    }
    if (layout == CHUNK_BASED) {
      if (size < 0) {
        throw corrupt("size " + Long.toUnsignedString(size));
      }
      if ((u & 0xffff & ~CHUNK_BITS & (composefs ? -1 : ~CHUNK_INDEXES)) != 0) {
        throw corrupt("chunk format 0x" + Integer.toHexString(u & 0xffff));
      }
      return;
    }
    if (isHole() && size >= 0) {
      return;
    }
    if (size < 0 || size > bytes.size()) {
      throw corrupt("size " + Long.toUnsignedString(size) + ", more than the image has");
    }
    if (isDirectory() && size == 0) {
      throw corrupt("a directory of size 0");
    }
    if (composefs && isRegular() && size > (v2 ? Limits.INLINE_MAX_V2 : Limits.INLINE_MAX)) {
      throw corrupt("inline content of " + size + " bytes");
    }
    int blockSize = image.blockSize();
    long blocks = layout == FLAT_INLINE ? size / blockSize : (size + blockSize - 1) / blockSize;
    if (blocks > 0) {
      // The last block of an EROFS image may be short.
      long length = layout == FLAT_INLINE || composefs ? blocks * blockSize : size;
      bytes.require(Integer.toUnsignedLong(u) * blockSize, length, "the data of inode ", nid);
    }
    if (layout == FLAT_INLINE) {
      checkTail(composefs, v2, blockSize);
    }
  }

  /** Newer EROFS writers store a file of zeros as flat without blocks. */
  private boolean isHole() {
    return image.profile() == ImageProfile.EROFS
        && isRegular()
        && layout == FLAT_PLAIN
        && u == (int) HOLE;
  }

  private void checkTail(boolean composefs, boolean v2, int blockSize) throws IOException {
    int tail = (int) (size % blockSize);
    if (tail == 0) {
      throw corrupt("size " + size + " leaves nothing for the tail");
    }
    long at = tailOffset();
    bytes.require(at, tail, "the tail of inode ", nid);
    if (at / blockSize != (at + tail - 1) / blockSize) {
      throw corrupt("the tail crosses a block boundary");
    }
    if (composefs && !v2 && isSymlink() && offset % blockSize + (at - offset) + tail > blockSize) {
      throw corrupt("inode and symlink target cross a block boundary");
    }
  }

  /**
   * {@return the number of this inode: its position from the start of the inodes, divided by 32}
   */
  public long nid() {
    return nid;
  }

  /** {@return what messages call the image} */
  public String imageName() {
    return bytes.name();
  }

  /** {@return the byte offset in the image} */
  public long offset() {
    return offset;
  }

  /** {@return type and permission bits as stored: an escaped whiteout is a regular file here} */
  public int mode() {
    return mode;
  }

  /** {@return the number of links as stored, an unsigned value} */
  public int nlink() {
    return nlink;
  }

  /** {@return the size in bytes as stored} */
  public long size() {
    return size;
  }

  /** {@return the owner, an unsigned value} */
  public int uid() {
    return uid;
  }

  /** {@return the group, an unsigned value} */
  public int gid() {
    return gid;
  }

  /** {@return seconds of the modification time since 1970} */
  public long mtimeSeconds() {
    return mtimeSeconds;
  }

  /** {@return nanoseconds of the modification time, an unsigned value} */
  public int mtimeNanos() {
    return mtimeNanos;
  }

  /** {@return the device number of a device, 0 of any other kind} */
  public int rdev() {
    return isDevice() ? u : 0;
  }

  /** {@return whether this is a directory} */
  public boolean isDirectory() {
    return (mode & Inode.S_IFMT) == Inode.S_IFDIR;
  }

  /** {@return whether this is stored as a regular file} */
  public boolean isRegular() {
    return (mode & Inode.S_IFMT) == Inode.S_IFREG;
  }

  /** {@return whether this is a symlink} */
  public boolean isSymlink() {
    return (mode & Inode.S_IFMT) == Inode.S_IFLNK;
  }

  /** {@return whether this is a block or character device} */
  public boolean isDevice() {
    return (mode & Inode.S_IFMT) == Inode.S_IFCHR || (mode & Inode.S_IFMT) == Inode.S_IFBLK;
  }

  /** {@return whether this is stored as a character device of number 0} */
  public boolean isStoredWhiteout() {
    return (mode & Inode.S_IFMT) == Inode.S_IFCHR && u == 0;
  }

  /** {@return whether the content lies outside of a composefs image} */
  public boolean isExternal() {
    return layout == CHUNK_BASED && image.profile() == ImageProfile.COMPOSEFS;
  }

  /** Whether the entry {@code .} of this directory is only implied. */
  boolean isDotOmitted() {
    return dotOmitted;
  }

  /**
   * {@return the bytes that belong to this inode alone: header, xattr body and data, as far as no
   * writer shares it} Together they cannot exceed the image (12.3, D9).
   */
  long footprint() {
    long footprint = tailOffset() - offset;
    if (!hasData() || layout == CHUNK_BASED) {
      return footprint;
    }
    boolean whole = isDirectory() || image.profile() == ImageProfile.COMPOSEFS;
    return footprint + (whole ? size : layout == FLAT_INLINE ? size % image.blockSize() : 0);
  }

  /** Where the xattr body starts. */
  long bodyOffset() {
    return offset + (compact ? ImageLayout.COMPACT : ImageLayout.EXTENDED);
  }

  int bodySize() {
    return bodySize;
  }

  private long tailOffset() {
    return bodyOffset() + bodySize;
  }

  /**
   * {@return the attributes, mapped back to what the writer was given}
   *
   * @throws CorruptImageException if a stored one breaks a rule
   */
  public ImageAttributes attributes() throws IOException {
    ImageAttributes known = attributes;
    if (known == null) {
      known = ImageAttributes.read(image, this);
      attributes = known;
    }
    return known;
  }

  /** {@return the target of a symlink} */
  public byte[] target() throws IOException {
    byte[] target = content();
    for (byte b : target) {
      if (b == 0) {
        throw corrupt("a NUL in the symlink target");
      }
    }
    return target;
  }

  /**
   * Reads all that says where the data is. Data itself is any bytes.
   *
   * @throws CorruptImageException if some of it is outside of the image
   */
  void checkChunks() throws IOException {
    if (layout != CHUNK_BASED || isExternal() || size == 0) {
      return;
    }
    int blockBits = image.superblock().blockBits();
    int chunkBits = blockBits + (u & CHUNK_BITS);
    long count = (size - 1 >>> chunkBits) + 1;
    // The map itself must be there, so a wrong size does not make this long.
    int width = (u & CHUNK_INDEXES) == 0 ? 4 : 8;
    bytes.require(tailOffset(), 0, "the chunks of inode " + nid);
    if (count > bytes.size() / width) {
      throw corrupt(count + " chunks are more than the image has");
    }
    for (long chunk = 0; chunk < count; chunk++) {
      long block = chunkBlock(chunk);
      if (block != HOLE) {
        long length = Math.min(1L << chunkBits, size - (chunk << chunkBits));
        bytes.require(block << blockBits, length, "a chunk of inode " + nid);
      }
    }
  }

  /**
   * {@return all bytes that the image itself holds of this inode; of small ones only}
   *
   * @throws IllegalStateException if there are more than 1 MiB
   */
  public byte[] content() throws IOException {
    if (size > 1 << 20) {
      throw new IllegalStateException("content of " + size + " bytes is to be read in pieces");
    }
    byte[] content = new byte[(int) size];
    int done = 0;
    while (done < content.length) {
      done += read(done, content, done, content.length - done);
    }
    return content;
  }

  /**
   * Reads data that the image holds; of an external file, zeros.
   *
   * @return the number of bytes read, 0 at or behind the end
   */
  public int read(long position, byte[] into, int at, int length) throws IOException {
    if (position >= size || length == 0) {
      return 0;
    }
    if (position < 0) {
      throw new IllegalArgumentException("position " + position);
    }
    int blockSize = image.blockSize();
    if (layout == CHUNK_BASED) {
      return readChunk(position, into, at, (int) Math.min(length, size - position));
    }
    if (isHole()) {
      int zeros = (int) Math.min(length, size - position);
      Arrays.fill(into, at, at + zeros, (byte) 0);
      return zeros;
    }
    long tailStart = layout == FLAT_INLINE ? size - size % blockSize : size;
    long from;
    long end;
    if (position >= tailStart) {
      from = tailOffset() + position - tailStart;
      end = size;
    } else {
      from = Integer.toUnsignedLong(u) * blockSize + position;
      end = tailStart;
    }
    int count = (int) Math.min(length, end - position);
    bytes.copy(from, into, at, count);
    return count;
  }

  private int readChunk(long position, byte[] into, int at, int length) throws IOException {
    int chunkBits = image.superblock().blockBits() + (u & CHUNK_BITS);
    long chunk = position >>> chunkBits;
    long inChunk = position & (1L << chunkBits) - 1;
    int count = (int) Math.min(length, (1L << chunkBits) - inChunk);
    long block = isExternal() ? HOLE : chunkBlock(chunk);
    if (block == HOLE) {
      Arrays.fill(into, at, at + count, (byte) 0);
    } else {
      bytes.copy((block << image.superblock().blockBits()) + inChunk, into, at, count);
    }
    return count;
  }

  private long chunkBlock(long chunk) throws IOException {
    if ((u & CHUNK_INDEXES) == 0) {
      return bytes.u32(ImageLayout.roundUp(tailOffset(), 4) + 4 * chunk);
    }
    long entry = ImageLayout.roundUp(tailOffset(), 8) + 8 * chunk;
    long block = bytes.u32(entry + 4);
    if (block != HOLE && bytes.u16(entry + 2) != 0) {
      throw new UnsupportedFormatException(
          bytes.name(), "inode " + nid + " has data on another device");
    }
    return block;
  }

  /** {@return a walk over the xattrs as stored} */
  public XattrCursor xattrs() throws IOException {
    return new XattrCursor(image, this);
  }

  /**
   * {@return a walk over the entries of this directory in stored order, {@code .} and {@code ..}
   * left out}
   */
  public DirentCursor entries() throws IOException {
    requireDirectory();
    return new DirentCursor(image, this);
  }

  /**
   * {@return as {@link #entries()}, but from where another walk was}
   *
   * @param position what {@link DirentCursor#position} was; any other value is no error, but starts
   *     at some entry or at the end
   */
  public DirentCursor entries(long position) throws IOException {
    DirentCursor entries = entries();
    entries.resume(position);
    return entries;
  }

  private void requireDirectory() {
    if (!isDirectory()) {
      throw new IllegalStateException("inode " + nid + " is no directory");
    }
  }

  /**
   * {@return the inode under this name in this directory, or null} Takes time logarithmic in the
   * number of entries; names {@code .} and {@code ..} are none.
   */
  public @Nullable ImageInode lookup(byte[] name) throws IOException {
    requireDirectory();
    if (name.length > 0 && name[0] == '.' && (name.length == 1 || isDotDot(name))) {
      return null;
    }
    DirentSearch search = new DirentSearch(image, this);
    if (!search.find(name)) {
      return null;
    }
    ImageInode inode = image.inode(search.nid());
    if (search.fileType() != Disk.fileType(inode.mode)) {
      throw corrupt(
          "directory: entry of type "
              + search.fileType()
              + " for an inode with mode 0"
              + Integer.toOctalString(inode.mode));
    }
    return inode;
  }

  private static boolean isDotDot(byte[] name) {
    return name.length == 2 && name[1] == '.';
  }

  /** {@return the nid of the directory above this one; the root is above itself} */
  public long parentNid() throws IOException {
    requireDirectory();
    DirentSearch search = new DirentSearch(image, this);
    if (!search.find(DOT_DOT)) {
      throw corrupt("directory: no '..'");
    }
    return search.nid();
  }
}
