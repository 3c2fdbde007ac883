package io.github.composefs4j.core.tree;

/**
 * One file of any kind. Identity matters: one object under two names is a hard link, so kinds are
 * classes without {@code equals}.
 *
 * <p>Everything but a directory under construction is immutable.
 */
public abstract sealed class Inode permits Directory, RegularFile, Symlink, Device, Fifo, Socket {
  /** {@code st_mode} type bits. */
  public static final int S_IFMT = 0170000;

  /** Type bits of a FIFO. */
  public static final int S_IFIFO = 0010000;

  /** Type bits of a character device. */
  public static final int S_IFCHR = 0020000;

  /** Type bits of a directory. */
  public static final int S_IFDIR = 0040000;

  /** Type bits of a block device. */
  public static final int S_IFBLK = 0060000;

  /** Type bits of a regular file. */
  public static final int S_IFREG = 0100000;

  /** Type bits of a symbolic link. */
  public static final int S_IFLNK = 0120000;

  /** Type bits of a socket. */
  public static final int S_IFSOCK = 0140000;

  // The stat fields lie here and not in a Stat: 4,000,000 inodes must fit in a 1 GiB heap.
  private final char mode;
  private final int nlink;
  private final int uid;
  private final int gid;
  private final int mtimeNanos;
  private final long mtimeSeconds;
  private final XattrSet xattrs;

  Inode(int typeBits, Stat stat, XattrSet xattrs) {
    this.mode = (char) (typeBits | stat.permissions());
    this.nlink = stat.nlink();
    this.uid = stat.uid();
    this.gid = stat.gid();
    this.mtimeSeconds = stat.mtimeSeconds();
    this.mtimeNanos = stat.mtimeNanos();
    this.xattrs = xattrs;
  }

  /** {@return type and permission bits, as {@code st_mode} has them} */
  public final int mode() {
    return mode;
  }

  /** {@return the type bits, one of the {@code S_IF} constants} */
  public final int typeBits() {
    return mode & S_IFMT;
  }

  /** {@return the number of links that was given, an unsigned value; see {@link Stat#nlink}} */
  public final int nlink() {
    return nlink;
  }

  /** {@return the owner, an unsigned value} */
  public final int uid() {
    return uid;
  }

  /** {@return the group, an unsigned value} */
  public final int gid() {
    return gid;
  }

  /** {@return seconds of the modification time since 1970} */
  public final long mtimeSeconds() {
    return mtimeSeconds;
  }

  /** {@return nanoseconds of the modification time, an unsigned value} */
  public final int mtimeNanos() {
    return mtimeNanos;
  }

  /** {@return the extended attributes; in a tree from one source, equal sets are one object} */
  public final XattrSet xattrs() {
    return xattrs;
  }

  /** {@return the stat fields as a value} */
  public final Stat stat() {
    return new Stat(mode & Stat.PERMISSION_BITS, nlink, uid, gid, mtimeSeconds, mtimeNanos);
  }
}
