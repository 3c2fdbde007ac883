package io.github.composefs4j.fuse.protocol;

/**
 * Names of {@code linux/fuse.h}: operations, flags, sizes and places. Integers are in native order,
 * which is little-endian on both machines; offsets are from the start of the structure (for
 * requests and replies: from the end of their header).
 */
public final class FuseAbi {
  private FuseAbi() {}

  /** Protocol that this server speaks: {@code FUSE_KERNEL_VERSION}. */
  static final int MAJOR = 7;

  static final int MINOR = 45;

  /** Oldest minor with a 64-byte {@code fuse_init_out}. */
  static final int MINOR_MIN = 23;

  // Operations
  static final int LOOKUP = 1;
  static final int FORGET = 2;
  static final int GETATTR = 3;
  static final int READLINK = 5;
  static final int OPEN = 14;
  static final int READ = 15;
  static final int STATFS = 17;
  static final int RELEASE = 18;
  static final int GETXATTR = 22;
  static final int LISTXATTR = 23;
  static final int INIT = 26;
  static final int OPENDIR = 27;
  static final int READDIR = 28;
  static final int RELEASEDIR = 29;
  static final int INTERRUPT = 36;
  static final int DESTROY = 38;
  static final int IOCTL = 39;
  static final int BATCH_FORGET = 42;
  static final int READDIRPLUS = 44;

  /** One more than the greatest operation that is counted. */
  static final int OPERATIONS = 64;

  /** Most bytes of a reply's body. */
  public static final int BODY_MAX = FuseSession.BODY_MAX;

  // struct fuse_in_header
  public static final int IN_HEADER = 40;
  public static final int IN_LEN = 0;
  static final int IN_OPCODE = 4;
  public static final int IN_UNIQUE = 8;
  static final int IN_NODEID = 16;

  // struct fuse_out_header
  public static final int OUT_HEADER = 16;
  public static final int OUT_LEN = 0;
  public static final int OUT_ERROR = 4;
  public static final int OUT_UNIQUE = 8;

  // struct fuse_init_in, fuse_init_out
  static final int INIT_IN_MIN = 16;
  static final int INIT_IN_FLAGS2 = 16;
  static final int INIT_OUT = 64;

  static final long ASYNC_READ = 1;
  static final long DO_READDIRPLUS = 1L << 13;
  static final long READDIRPLUS_AUTO = 1L << 14;
  static final long NO_OPEN_SUPPORT = 1L << 17;
  static final long PARALLEL_DIROPS = 1L << 18;
  static final long POSIX_ACL = 1L << 20;
  static final long ABORT_ERROR = 1L << 21;
  static final long MAX_PAGES = 1L << 22;
  static final long CACHE_SYMLINKS = 1L << 23;
  static final long NO_OPENDIR_SUPPORT = 1L << 24;
  static final long EXPLICIT_INVAL_DATA = 1L << 25;
  static final long INIT_EXT = 1L << 30;
  static final long PASSTHROUGH = 1L << 37;
  static final long NO_EXPORT_SUPPORT = 1L << 38;
  static final long ALLOW_IDMAP = 1L << 40;
  static final long OVER_IO_URING = 1L << 41;

  // struct fuse_attr
  static final int ATTR = 88;

  // struct fuse_entry_out, fuse_attr_out
  static final int ENTRY_OUT = 128;
  static final int ENTRY_ATTR = 40;
  static final int ATTR_OUT = 104;
  static final int ATTR_OUT_ATTR = 16;

  // struct fuse_open_in, fuse_open_out
  static final int OPEN_IN = 8;
  static final int OPEN_OUT = 16;
  static final int FOPEN_KEEP_CACHE = 2;
  static final int FOPEN_CACHE_DIR = 8;
  static final int FOPEN_NOFLUSH = 32;
  static final int FOPEN_PASSTHROUGH = 128;
  static final int O_ACCMODE = 3;

  // struct fuse_read_in
  static final int READ_IN = 40;
  static final int READ_OFFSET = 8;
  static final int READ_SIZE = 16;

  // struct fuse_getxattr_in
  static final int GETXATTR_IN = 8;

  // struct fuse_kstatfs
  static final int STATFS_OUT = 80;

  // struct fuse_dirent, fuse_direntplus
  static final int DIRENT_NAME = 24;

  /** The root of every mount. */
  static final long ROOT_ID = 1;
}
