package io.github.composefs4j.linux.sys;

/**
 * System call numbers and flags of this machine; where x86_64 and aarch64 differ, chosen at start.
 */
public final class Abi {
  private Abi() {}

  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");

  private static int of(int x86, int arm) {
    return ARM ? arm : x86;
  }

  static final int CLOSE = of(3, 57);
  static final int WRITE = of(1, 64);
  static final int RECVMSG = of(47, 212);
  static final int SOCKETPAIR = of(53, 199);
  static final int WAIT4 = of(61, 260);
  static final int PIPE2 = of(293, 59);
  static final int GETEUID = of(107, 175);
  static final int GETEGID = of(108, 177);
  static final int SETSID = of(112, 157);
  static final int CHDIR = of(80, 49);
  static final int DUP3 = of(292, 24);
  static final int IOCTL = of(16, 29);
  static final int PREAD64 = of(17, 67);
  static final int PWRITE64 = of(18, 68);
  static final int READ = of(0, 63);
  static final int FSYNC = of(74, 82);
  static final int MOUNT = of(165, 40);
  static final int UMOUNT2 = of(166, 39);
  static final int LLISTXATTR = of(195, 12);
  static final int LGETXATTR = of(192, 9);
  static final int FGETXATTR = of(193, 10);
  static final int FLISTXATTR = of(196, 13);
  static final int GETDENTS64 = of(217, 61);
  static final int OPENAT = of(257, 56);
  static final int MKDIRAT = of(258, 34);
  static final int UNLINKAT = of(263, 35);
  static final int RENAMEAT2 = of(316, 276);
  static final int LINKAT = of(265, 37);
  static final int SYMLINKAT = of(266, 36);
  static final int FACCESSAT = of(269, 48);
  static final int FLOCK = of(73, 32);
  static final int READLINKAT = of(267, 78);
  static final int FCHMOD = of(91, 52);
  static final int FSTATFS = of(138, 44);
  static final int SYNCFS = of(306, 267);
  static final int COPY_FILE_RANGE = of(326, 285);
  static final int STATX = of(332, 291);
  static final int FTRUNCATE = of(77, 46);
  static final int LSETXATTR = of(189, 6);
  static final int MKNODAT = of(259, 33);
  static final int FCHOWNAT = of(260, 54);
  static final int FCHMODAT = of(268, 53);
  static final int UTIMENSAT = of(280, 88);
  static final int OPEN_TREE = 428;
  static final int MMAP = of(9, 222);
  static final int MUNMAP = of(11, 215);
  static final int MADVISE = of(28, 233);
  static final int SCHED_SETAFFINITY = of(203, 122);
  static final int SCHED_GETAFFINITY = of(204, 123);
  static final int IO_URING_SETUP = 425;
  static final int IO_URING_ENTER = 426;
  static final int MOVE_MOUNT = 429;
  static final int FSOPEN = 430;
  static final int FSCONFIG = 431;
  static final int FSMOUNT = 432;
  static final int MOUNT_SETATTR = 442;
  static final int GETXATTRAT = 464;
  static final int LISTXATTRAT = 465;
  static final int UNSHARE = of(272, 97);

  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_POPULATE = 0x8000;
  static final int MADV_DONTNEED = 4;
  static final int MADV_POPULATE_WRITE = 23;

  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;
  public static final int O_DIRECTORY = of(0x10000, 0x4000);
  public static final int O_NOFOLLOW = of(0x20000, 0x8000);
  public static final int O_TMPFILE = 0x400000 | O_DIRECTORY;

  public static final int AT_FDCWD = -100;
  public static final int AT_SYMLINK_NOFOLLOW = 0x100;
  public static final int AT_SYMLINK_FOLLOW = 0x400;
  public static final int AT_NO_AUTOMOUNT = 0x800;
  public static final int AT_EMPTY_PATH = 0x1000;
  public static final int AT_STATX_DONT_SYNC = 0x4000;

  /** In place of nanoseconds: this time stays as it is. */
  public static final long UTIME_OMIT = 0x3ffffffe;

  public static final int LOCK_SH = 1;
  public static final int LOCK_EX = 2;
  public static final int LOCK_NB = 4;
  public static final int LOCK_UN = 8;
  public static final int W_OK = 2;
  static final long ST_RDONLY = 1;

  public static final long FICLONE = 0x40049409L;
  public static final long FS_IOC_ENABLE_VERITY = 0x40806685L;
  public static final long FS_IOC_MEASURE_VERITY = 0xC0046686L;
  public static final long FUSE_DEV_IOC_CLONE = 0x8004E500L;
  public static final long FUSE_DEV_IOC_BACKING_OPEN = 0x4010E501L;
  public static final long FUSE_DEV_IOC_BACKING_CLOSE = 0x4004E502L;
  public static final long LOOP_CTL_GET_FREE = 0x4C82L;
  public static final long LOOP_CONFIGURE = 0x4C0AL;

  public static final int AT_REMOVEDIR = 0x200;
  public static final int S_IFMT = 0170000;
  public static final int S_IFREG = 0100000;
  public static final int S_IFBLK = 0060000;
  public static final int FSCONFIG_SET_FLAG = 0;
  public static final int FSCONFIG_SET_STRING = 1;
  public static final int FSCONFIG_SET_FD = 5;
  public static final int FSCONFIG_CMD_CREATE = 6;
  public static final int MOUNT_ATTR_RDONLY = 1;
  public static final int MOUNT_ATTR_NOSUID = 2;
  public static final int MOUNT_ATTR_NODEV = 4;
  public static final int MOUNT_ATTR_NOEXEC = 8;
  public static final int MOUNT_ATTR_NOATIME = 0x10;
  public static final int MOUNT_ATTR_IDMAP = 0x100000;
  public static final int OPEN_TREE_CLONE = 1;
  public static final int AT_RECURSIVE = 0x8000;
  public static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
  public static final int MOVE_MOUNT_T_EMPTY_PATH = 0x40;
  public static final int MOVE_MOUNT_BENEATH = 0x200;
  public static final int MS_RDONLY = 1;
  public static final int MS_NOSUID = 2;
  public static final int MS_NODEV = 4;
  public static final int MS_NOEXEC = 8;
  public static final int MS_NOATIME = 1024;
  public static final int MNT_FORCE = 1;
  public static final int MNT_DETACH = 2;
  public static final int UMOUNT_NOFOLLOW = 8;
  public static final long LOOP_SET_FD = 0x4C00;
  public static final long LOOP_CLR_FD = 0x4C01;
  public static final long LOOP_SET_STATUS64 = 0x4C04;
  public static final int LO_FLAGS_READ_ONLY = 1;
  public static final int LO_FLAGS_AUTOCLEAR = 4;
  public static final int LO_FLAGS_DIRECT_IO = 16;
}
