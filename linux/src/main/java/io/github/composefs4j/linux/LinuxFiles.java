package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Directories and files by descriptor. */
final class LinuxFiles {
  private static final byte[] EMPTY = {};
  private static final int DIRENTS = 1 << 15;

  /** Name lists and values of xattrs have at most 64 KiB: the kernel's limits. */
  private static final int XATTRS = 1 << 16;

  /** What the kernel refused once is not tried again. */
  private static volatile boolean noXattrAt;

  private LinuxFiles() {}

  static String printable(byte[] name) {
    return FileName.printable(name);
  }

  static int check(long result, byte[] name) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(printable(name), (int) -result);
    }
    return (int) result;
  }

  /**
   * {@return the stat of a name in a directory, or of the directory's descriptor itself for the
   * empty name}
   */
  static HostStat stat(int dir, byte[] name) throws IOException {
    HostStat stat = statOrNull(dir, name);
    if (stat == null) {
      throw new ErrnoException(printable(name), Errno.ENOENT);
    }
    return stat;
  }

  static @Nullable HostStat statOrNull(int dir, byte[] name) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    int flags =
        Abi.AT_SYMLINK_NOFOLLOW | Abi.AT_NO_AUTOMOUNT | (name.length == 0 ? Abi.AT_EMPTY_PATH : 0);
    int result = Sys.statx(dir, scratch.path(name), flags);
    if (result == -Errno.ENOENT) {
      return null;
    }
    check(result, name);
    // struct statx, eight bytes at a time: both machines are little-endian.
    LongBuffer s = scratch.structLongs;
    long links = s.get(2);
    long owner = s.get(3);
    long rdev = s.get(16);
    int minor = (int) (rdev >>> 32);
    return new HostStat(
        (int) (owner >>> 32) & 0xffff,
        links & 0xffff_ffffL,
        (int) (links >>> 32),
        (int) owner,
        minor & 0xff | (int) rdev << 8 | (minor & ~0xff) << 12,
        s.get(5),
        s.get(14),
        (int) s.get(15),
        s.get(12),
        (int) s.get(13),
        Long.rotateLeft(s.get(17), 32),
        s.get(4));
  }

  /**
   * Passes the xattrs of a file. Told apart by a comparison: this is called for every file, and two
   * functions made for each cost more than the calls.
   *
   * @param fd the open file itself for the path 0, else the directory that the path begins at, or a
   *     negative number for one from the root
   * @param path the address of a path, or 0
   * @return whether the kernel can do it
   */
  private static boolean xattrs(int fd, long path, HostDirectory.XattrSink sink)
      throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    MemorySegment data = scratch.data;
    long length =
        path == 0
            ? Sys.flistxattr(fd, data, XATTRS)
            : fd < 0 ? Sys.llistxattr(path, data, XATTRS) : Sys.listxattrat(fd, path, data, XATTRS);
    if (length <= 0) {
      if (length == -Errno.EOPNOTSUPP || length == 0) {
        return true;
      }
      if (fd >= 0 && path != 0 && (length == -Errno.ENOSYS || length == -Errno.EPERM)) {
        return false; // an older kernel, or a filter of system calls that does not know this one
      }
      throw new ErrnoException("xattrs", (int) -length);
    }
    byte[] names = scratch.copyOfData((int) length);
    for (int at = 0; at < names.length; ) {
      int end = at;
      while (end < names.length && names[end] != 0) {
        end++;
      }
      byte[] name = Arrays.copyOfRange(names, at, end);
      at = end + 1;
      long key = scratch.path2(name);
      long size =
          path == 0
              ? Sys.fgetxattr(fd, key, data, XATTRS)
              : fd < 0
                  ? Sys.lgetxattr(path, key, data, XATTRS)
                  : Sys.getxattrat(fd, path, key, data, XATTRS);
      if (size == -Errno.ENODATA) {
        continue;
      }
      if (size < 0) {
        throw new ErrnoException("xattr " + printable(name), (int) -size);
      }
      sink.accept(name, scratch.copyOfData((int) size));
    }
    return true;
  }

  static void xattrs(int fd, HostDirectory.XattrSink sink) throws IOException {
    xattrs(fd, 0, sink);
  }

  /**
   * There is no call for a name in a directory before 6.13; the kernel's own links to descriptors
   * do, if more slowly than opening the file.
   */
  private static void xattrs(int dir, byte[] name, HostDirectory.XattrSink sink)
      throws IOException {
    if (!noXattrAt) {
      if (xattrs(dir, Sys.scratch().path(name), sink)) {
        return;
      }
      noXattrAt = true;
    }
    byte[] prefix = ("/proc/self/fd/" + dir + "/").getBytes(StandardCharsets.US_ASCII);
    byte[] path = Arrays.copyOf(prefix, prefix.length + name.length);
    System.arraycopy(name, 0, path, prefix.length, name.length);
    xattrs(-1, Sys.scratch().path(path), sink);
  }

  static int readAt(int fd, long position, byte[] into, int offset, int length) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    int most = Math.min(length, scratch.dataBytes.capacity());
    long read = Sys.pread(fd, scratch.data, most, position);
    if (read < 0) {
      throw new ErrnoException("read", (int) -read);
    }
    scratch.dataBytes.get(0, into, offset, (int) read);
    return (int) read;
  }

  private interface NameSink {
    void accept(byte[] name, int type) throws IOException;
  }

  /** Passes the names of an open directory with their {@code DT_} types. */
  private static void names(int fd, NameSink sink) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    while (true) {
      int length = check(Sys.getdents64(fd, scratch.data, DIRENTS), EMPTY);
      if (length == 0) {
        return;
      }
      // The sink may make system calls, which use the same memory.
      byte[] records = scratch.copyOfData(length);
      for (int at = 0; at < length; ) {
        int record = (records[at + 16] & 0xff) | (records[at + 17] & 0xff) << 8;
        int start = at + 19;
        int end = Math.max(start, at + record - 8); // the kernel pads records to 8 bytes, no more
        while (records[end] != 0) {
          end++;
        }
        boolean dots =
            records[start] == '.'
                && (end - start == 1 || (end - start == 2 && records[start + 1] == '.'));
        if (!dots) {
          sink.accept(Arrays.copyOfRange(records, start, end), records[at + 18]);
        }
        at += record;
      }
    }
  }

  /** {@return the type bits of an entry; 0 if it has gone and the file system did not tell} */
  private static int typeBits(int fd, byte[] name, int type) throws IOException {
    if (type != 0) {
      return type << 12;
    }
    HostStat stat = statOrNull(fd, name);
    return stat == null ? 0 : stat.mode() & Inode.S_IFMT;
  }

  /** Passes the entries of an open directory. */
  static void list(int fd, StoreDirectory.EntrySink sink) throws IOException {
    names(
        fd,
        (name, type) -> {
          int bits = typeBits(fd, name, type);
          if (bits == 0) {
            return;
          }
          sink.accept(
              name,
              switch (bits) {
                case Inode.S_IFREG -> StoreDirectory.EntryType.FILE;
                case Inode.S_IFDIR -> StoreDirectory.EntryType.DIRECTORY;
                case Inode.S_IFLNK -> StoreDirectory.EntryType.SYMLINK;
                default -> StoreDirectory.EntryType.OTHER;
              });
        });
  }

  /** An open directory. */
  static final class Directory implements HostDirectory {
    private int fd;

    Directory(int fd) {
      this.fd = fd;
    }

    @Override
    public HostStat stat() throws IOException {
      return LinuxFiles.stat(fd, EMPTY);
    }

    @Override
    public HostStat stat(byte[] name) throws IOException {
      return LinuxFiles.stat(fd, name);
    }

    @Override
    public List<Entry> list() throws IOException {
      List<Entry> entries = new ArrayList<>();
      names(
          fd,
          (name, type) -> {
            int bits = typeBits(fd, name, type);
            if (bits != 0) {
              entries.add(new Entry(name, bits));
            }
          });
      return entries;
    }

    private int open(byte[] name, int flags) throws IOException {
      return check(Sys.openat(fd, Sys.scratch().path(name), flags | Abi.O_NOFOLLOW, 0), name);
    }

    @Override
    public HostDirectory openDirectory(byte[] name) throws IOException {
      return new Directory(open(name, Abi.O_DIRECTORY));
    }

    @Override
    public HostDirectory openParent() throws IOException {
      return new Directory(open(new byte[] {'.', '.'}, Abi.O_DIRECTORY));
    }

    @Override
    public HostFile openFile(byte[] name) throws IOException {
      return new File(open(name, Abi.O_NONBLOCK));
    }

    @Override
    public byte[] readLink(byte[] name) throws IOException {
      Sys.Scratch scratch = Sys.scratch();
      int length = check(Sys.readlinkat(fd, scratch.path(name), scratch.data, XATTRS), name);
      return scratch.copyOfData(length);
    }

    @Override
    public void xattrs(byte[] name, XattrSink sink) throws IOException {
      LinuxFiles.xattrs(fd, name, sink);
    }

    @Override
    public void xattrs(XattrSink sink) throws IOException {
      LinuxFiles.xattrs(fd, sink);
    }

    @Override
    public void close() {
      if (fd >= 0) {
        Sys.close(fd);
        fd = -1;
      }
    }
  }

  /** An open regular file. */
  static class File implements HostFile {
    private int fd;

    File(int fd) {
      this.fd = fd;
    }

    int fd() {
      return fd;
    }

    @Override
    public HostStat stat() throws IOException {
      return LinuxFiles.stat(fd, EMPTY);
    }

    @Override
    public long size() throws IOException {
      Sys.Scratch scratch = Sys.scratch();
      check(Sys.statx(fd, scratch.path(EMPTY), Abi.AT_EMPTY_PATH), EMPTY);
      return scratch.structBytes.getLong(40);
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return readAt(fd, position, into, offset, length);
    }

    @Override
    public Optional<Digest> verityDigest() throws IOException {
      return KernelVerity.measure(fd);
    }

    @Override
    public void xattrs(HostDirectory.XattrSink sink) throws IOException {
      LinuxFiles.xattrs(fd, sink);
    }

    @Override
    public void close() {
      if (fd >= 0) {
        Sys.close(fd);
        fd = -1;
      }
    }
  }
}
