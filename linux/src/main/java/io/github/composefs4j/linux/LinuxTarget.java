package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.TargetDirectory;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A directory that a tree is written into, by descriptor. */
final class LinuxTarget implements TargetDirectory {
  private int fd;

  LinuxTarget(int fd) {
    this.fd = fd;
  }

  /** {@return false if the call was refused to this process, or by its file system} */
  private static boolean allowed(int result, byte[] name) throws IOException {
    if (result == -Errno.EPERM || result == -Errno.EACCES || result == -Errno.EOPNOTSUPP) {
      return false;
    }
    LinuxFiles.check(result, name);
    return true;
  }

  @Override
  public boolean isEmpty() throws IOException {
    boolean[] empty = {true};
    list((_, _) -> empty[0] = false);
    return empty[0];
  }

  /** Through a descriptor of its own: one is at the end after it has listed. */
  private void list(StoreDirectory.EntrySink sink) throws IOException {
    try (LinuxTarget again = new LinuxTarget(descriptor(TargetDirectory.self()))) {
      LinuxFiles.list(again.fd, sink);
    }
  }

  private int descriptor(byte[] name) throws IOException {
    int flags = Abi.O_DIRECTORY | Abi.O_NOFOLLOW;
    return LinuxFiles.check(Sys.openat(fd, Sys.scratch().path(name), flags, 0), name);
  }

  @Override
  public TargetDirectory makeDirectory(byte[] name) throws IOException {
    LinuxFiles.check(Sys.mkdirat(fd, Sys.scratch().path(name), 0700), name);
    return openDirectory(name);
  }

  @Override
  public TargetDirectory openDirectory(byte[] name) throws IOException {
    return new LinuxTarget(descriptor(name));
  }

  @Override
  public TargetFile makeFile(byte[] name) throws IOException {
    int flags = Abi.O_RDWR | Abi.O_CREAT | Abi.O_EXCL;
    int file = Sys.openat(fd, Sys.scratch().path(name), flags, 0600);
    return new File(LinuxFiles.check(file, name));
  }

  @Override
  public void makeSymlink(byte[] name, byte[] target) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    LinuxFiles.check(Sys.symlinkat(scratch.path(target), fd, scratch.path2(name)), name);
  }

  @Override
  public boolean makeNode(byte[] name, int mode, int rdev) throws IOException {
    return allowed(Sys.mknodat(fd, Sys.scratch().path(name), mode, rdev), name);
  }

  @Override
  public void link(TargetDirectory from, byte[] fromName, byte[] name) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    int source = ((LinuxTarget) from).fd;
    LinuxFiles.check(Sys.linkat(source, scratch.path(fromName), fd, scratch.path2(name), 0), name);
  }

  @Override
  public boolean setOwner(byte[] name, int uid, int gid) throws IOException {
    long path = Sys.scratch().path(name);
    return allowed(Sys.fchownat(fd, path, uid, gid, Abi.AT_SYMLINK_NOFOLLOW), name);
  }

  /** There is no call for a name in a directory before 6.13: see {@link LinuxFiles}. */
  @Override
  public boolean setXattr(byte[] name, byte[] key, byte[] value) throws IOException {
    byte[] prefix = ("/proc/self/fd/" + fd + "/").getBytes(StandardCharsets.US_ASCII);
    byte[] path = Arrays.copyOf(prefix, prefix.length + name.length);
    System.arraycopy(name, 0, path, prefix.length, name.length);
    Sys.Scratch scratch = Sys.scratch();
    scratch.dataBytes.put(0, value);
    return allowed(
        Sys.lsetxattr(scratch.path(path), scratch.path2(key), scratch.data, value.length), key);
  }

  @Override
  public void setMode(byte[] name, int permissions) throws IOException {
    LinuxFiles.check(Sys.fchmodat(fd, Sys.scratch().path(name), permissions), name);
  }

  @Override
  public void setTime(byte[] name, long seconds, int nanos) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    ByteBuffer times = scratch.structBytes;
    for (int at : new int[] {0, 16}) {
      times.putLong(at, seconds).putLong(at + 8, Integer.toUnsignedLong(nanos));
    }
    LinuxFiles.check(
        Sys.utimensat(fd, scratch.path(name), scratch.struct, Abi.AT_SYMLINK_NOFOLLOW), name);
  }

  @Override
  public void removeAll() throws IOException {
    List<byte[]> files = new ArrayList<>();
    List<byte[]> directories = new ArrayList<>();
    list((name, type) ->
        (type == StoreDirectory.EntryType.DIRECTORY ? directories : files).add(name));
    for (byte[] name : files) {
      LinuxFiles.check(Sys.unlinkat(fd, Sys.scratch().path(name), 0), name);
    }
    for (byte[] name : directories) {
      Sys.fchmodat(fd, Sys.scratch().path(name), 0700);
      try (TargetDirectory below = openDirectory(name)) {
        below.removeAll();
      }
      LinuxFiles.check(Sys.unlinkat(fd, Sys.scratch().path(name), Abi.AT_REMOVEDIR), name);
    }
  }

  @Override
  public void close() {
    if (fd >= 0) {
      Sys.close(fd);
      fd = -1;
    }
  }

  private static final class File implements TargetFile {
    private int fd;

    File(int fd) {
      this.fd = fd;
    }

    @Override
    public boolean cloneFrom(HostFile source) {
      return source instanceof LinuxFiles.File other && Sys.ioctl(fd, Abi.FICLONE, other.fd()) == 0;
    }

    @Override
    public void write(long position, byte[] bytes, int offset, int length) throws IOException {
      Sys.Scratch scratch = Sys.scratch();
      for (int done = 0; done < length; ) {
        int part = Math.min(length - done, scratch.dataBytes.capacity());
        scratch.dataBytes.put(0, bytes, offset + done, part);
        long written = Sys.pwrite(fd, scratch.data, part, position + done);
        if (written < 0) {
          throw new ErrnoException("write", (int) -written);
        }
        done += (int) written;
      }
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return LinuxFiles.readAt(fd, position, into, offset, length);
    }

    @Override
    public void setSize(long size) throws IOException {
      int result = Sys.ftruncate(fd, size);
      if (result < 0) {
        throw new ErrnoException("setting the size", -result);
      }
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
