package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.Inode;

/**
 * Names for the places and values of the on-disk structures (erofs-image.md 7). All integers are
 * little-endian.
 */
final class Disk {
  private Disk() {}

  // Written byte by byte: the best compiler makes one store of it, and in programs that are over
  // before it comes, a handle costs more than the bytes and milliseconds to make ready.

  static void putShort(byte[] b, int at, int value) {
    b[at] = (byte) value;
    b[at + 1] = (byte) (value >> 8);
  }

  static void putInt(byte[] b, int at, int value) {
    b[at] = (byte) value;
    b[at + 1] = (byte) (value >> 8);
    b[at + 2] = (byte) (value >> 16);
    b[at + 3] = (byte) (value >> 24);
  }

  static void putLong(byte[] b, int at, long value) {
    putInt(b, at, (int) value);
    putInt(b, at + 4, (int) (value >>> 32));
  }

  static long getLong(byte[] b, int at) {
    return getInt(b, at) & 0xffff_ffffL | (long) getInt(b, at + 4) << 32;
  }

  static int getInt(byte[] b, int at) {
    return b[at] & 0xff | (b[at + 1] & 0xff) << 8 | (b[at + 2] & 0xff) << 16 | b[at + 3] << 24;
  }

  // composefs header, 32 bytes at 0
  static final int COMPOSEFS_MAGIC = 0xd078629a;
  static final int HEADER_VERSION = 4;
  static final int HEADER_FLAGS = 8;
  static final int HEADER_COMPOSEFS_VERSION = 12;

  /** Bit of the header's flags: some inode has a POSIX ACL. */
  static final int FLAG_HAS_ACL = 1;

  // EROFS superblock, 128 bytes at 1024; offsets from its start
  static final int SUPERBLOCK = 1024;
  static final int SUPERBLOCK_SIZE = 128;
  static final int EROFS_MAGIC = 0xe0f5e1e2;
  static final int SB_CHECKSUM = 4;
  static final int SB_FEATURE_COMPAT = 8;
  static final int SB_BLKSZBITS = 12;
  static final int SB_EXTSLOTS = 13;
  static final int SB_ROOT_NID = 14;
  static final int SB_INOS = 16;
  static final int SB_BUILD_TIME = 24;
  static final int SB_BUILD_TIME_NSEC = 32;
  static final int SB_BLOCKS = 36;
  static final int SB_META_BLKADDR = 40;
  static final int SB_XATTR_BLKADDR = 44;
  static final int SB_FEATURE_INCOMPAT = 80;
  static final int SB_AVAILABLE_COMPR_ALGS = 84;
  static final int SB_EXTRA_DEVICES = 86;
  static final int SB_DIRBLKBITS = 90;
  static final int SB_XATTR_PREFIX_COUNT = 91;
  static final int SB_XATTR_PREFIX_START = 92;
  static final int SB_PACKED_NID = 96;

  static final int COMPAT_SB_CHECKSUM = 1;
  static final int COMPAT_MTIME = 2;
  static final int COMPAT_XATTR_FILTER = 4;
  static final int COMPAT_PLAIN_XATTR_PREFIXES = 0x10;

  // inodes: common fields, then those of one size
  static final int I_XATTR_ICOUNT = 2;
  static final int I_MODE = 4;
  static final int I_SIZE = 8;
  static final int I_U = 16;
  static final int I_INO = 20;
  static final int COMPACT_NLINK = 6;
  static final int COMPACT_MTIME = 12;
  static final int COMPACT_UID = 24;
  static final int COMPACT_GID = 26;
  static final int EXTENDED_UID = 24;
  static final int EXTENDED_GID = 28;
  static final int EXTENDED_MTIME = 32;
  static final int EXTENDED_MTIME_NSEC = 40;
  static final int EXTENDED_NLINK = 44;

  // directory entries, 12 bytes
  static final int DIRENT_NAMEOFF = 8;
  static final int DIRENT_FILE_TYPE = 10;

  static final int FT_REGULAR = 1;
  static final int FT_DIRECTORY = 2;
  static final int FT_CHARACTER_DEVICE = 3;
  static final int FT_BLOCK_DEVICE = 4;
  static final int FT_FIFO = 5;
  static final int FT_SOCKET = 6;
  static final int FT_SYMLINK = 7;

  /**
   * {@return the file type of a directory entry for an inode with these mode bits, 0 if they name
   * no type}
   */
  static int fileType(int mode) {
    return switch (mode & Inode.S_IFMT) {
      case Inode.S_IFREG -> FT_REGULAR;
      case Inode.S_IFDIR -> FT_DIRECTORY;
      case Inode.S_IFCHR -> FT_CHARACTER_DEVICE;
      case Inode.S_IFBLK -> FT_BLOCK_DEVICE;
      case Inode.S_IFIFO -> FT_FIFO;
      case Inode.S_IFSOCK -> FT_SOCKET;
      case Inode.S_IFLNK -> FT_SYMLINK;
      default -> 0;
    };
  }
}
