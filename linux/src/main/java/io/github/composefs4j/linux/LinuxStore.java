package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** An object directory by descriptor. */
final class LinuxStore implements StoreDirectory {
  private static final byte[] DOT = {'.'};
  private static final AtomicLong COUNTER = new AtomicLong(System.nanoTime());

  private final int fd;

  // What the file system refused once is not tried again.
  private volatile boolean noReflink;
  private volatile boolean noCopyRange;
  private volatile boolean noVerity;
  private volatile boolean noUnnamed;

  LinuxStore(int fd) {
    this.fd = fd;
  }

  @Override
  public long fileSize(byte[] path) throws IOException {
    HostStat stat = LinuxFiles.statOrNull(fd, path);
    return stat == null
        ? ABSENT
        : (stat.mode() & Inode.S_IFMT) == Inode.S_IFREG ? stat.size() : NO_FILE;
  }

  @Override
  public HostFile open(byte[] path) throws IOException {
    int file = Sys.openat(fd, Sys.scratch().path(path), Abi.O_NOFOLLOW, 0);
    if (file == -Errno.ENOENT) {
      throw new NoSuchFileException(LinuxFiles.printable(path));
    }
    return new LinuxFiles.File(LinuxFiles.check(file, path));
  }

  @Override
  public TemporaryFile create() throws IOException {
    if (!noUnnamed) {
      int file = Sys.openat(fd, Sys.scratch().path(DOT), Abi.O_TMPFILE | Abi.O_RDWR, 0600);
      if (file >= 0) {
        return new Temporary(file, null);
      }
      if (file != -Errno.EOPNOTSUPP && file != -Errno.EISDIR && file != -Errno.EINVAL) {
        throw new ErrnoException("temporary object", -file);
      }
      noUnnamed = true;
    }
    while (true) {
      byte[] name = temporaryName();
      int file =
          Sys.openat(fd, Sys.scratch().path(name), Abi.O_RDWR | Abi.O_CREAT | Abi.O_EXCL, 0600);
      if (file != -Errno.EEXIST) {
        return new Temporary(LinuxFiles.check(file, name), name);
      }
    }
  }

  private static byte[] temporaryName() {
    return (".tmp" + Long.toString(COUNTER.incrementAndGet() & Long.MAX_VALUE, 36))
        .getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void sync() throws IOException {
    LinuxFiles.check(Sys.syncfs(fd), DOT);
  }

  @Override
  public void close() {
    Sys.close(fd);
  }

  private static byte[] descriptorPath(int file) {
    return ("/proc/self/fd/" + file).getBytes(StandardCharsets.US_ASCII);
  }

  private final class Temporary implements TemporaryFile {
    private int file;
    private byte @Nullable [] name;
    private long size;

    Temporary(int file, byte @Nullable [] name) {
      this.file = file;
      this.name = name;
    }

    @Override
    public boolean cloneFrom(HostFile source) {
      if (noReflink || !(source instanceof LinuxFiles.File other)) {
        return false;
      }
      int result = Sys.ioctl(file, Abi.FICLONE, other.fd());
      if (result == -Errno.EOPNOTSUPP || result == -Errno.ENOTTY) {
        noReflink = true; // EXDEV and EINVAL may be this source's alone
      }
      return result == 0;
    }

    @Override
    public boolean copyRangeFrom(HostFile source, long length) throws IOException {
      if (noCopyRange || !(source instanceof LinuxFiles.File other)) {
        return false;
      }
      long done = 0;
      while (done < length) {
        MemorySegment offset = Sys.scratch().struct;
        offset.set(ValueLayout.JAVA_LONG, 0, done);
        long copied = Sys.copyFileRange(other.fd(), offset.address(), file, 0, length - done);
        if (copied == -28 || copied == -Errno.EIO) {
          throw new ErrnoException("object", (int) -copied);
        }
        if (copied <= 0) {
          noCopyRange = copied == -Errno.ENOSYS || copied == -Errno.EXDEV;
          break;
        }
        done += copied;
      }
      size = done;
      return done == length;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      MemorySegment data = Sys.scratch().data;
      for (int done = 0; done < length; ) {
        int part = (int) Math.min(length - done, data.byteSize());
        MemorySegment.copy(bytes, offset + done, data, ValueLayout.JAVA_BYTE, 0, part);
        long written = Sys.pwrite(file, data, part, size);
        if (written < 0) {
          throw new ErrnoException("writing an object", (int) -written);
        }
        size += written;
        done += (int) written;
      }
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return LinuxFiles.readAt(file, position, into, offset, length);
    }

    @Override
    public boolean publish(byte[] path, HashAlgorithm verity, boolean replace) throws IOException {
      LinuxFiles.check(Sys.fchmod(file, 0644), path);
      enableVerity(verity);
      int result = replace ? replace(path) : link(path);
      if (result == -Errno.ENOENT) {
        makeParent(path);
        result = replace ? replace(path) : link(path);
      }
      if (result == -Errno.EEXIST) {
        return false;
      }
      LinuxFiles.check(result, path);
      return true;
    }

    /** fs-verity wants the file open for reading only. */
    private void enableVerity(HashAlgorithm algorithm) throws IOException {
      if (noVerity) {
        return;
      }
      byte[] self = descriptorPath(file);
      int reader = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(self), Abi.O_RDONLY, 0);
      LinuxFiles.check(reader, self);
      if (KernelVerity.mayNotSupport(reader)) {
        noVerity = true;
        Sys.close(reader);
        return;
      }
      Sys.close(file);
      file = reader;
      if (!KernelVerity.enable(reader, algorithm)) {
        noVerity = true;
      }
    }

    private int link(byte[] path) throws IOException {
      Sys.Scratch scratch = Sys.scratch();
      return Sys.linkat(
          Abi.AT_FDCWD,
          scratch.path(descriptorPath(file)),
          fd,
          scratch.path2(path),
          Abi.AT_SYMLINK_FOLLOW);
    }

    private int replace(byte[] path) throws IOException {
      byte[] from = name;
      if (from == null) {
        from = temporaryName();
        int linked = link(from);
        if (linked < 0) {
          return linked;
        }
        name = from;
      }
      Sys.Scratch scratch = Sys.scratch();
      int result = Sys.renameat(fd, scratch.path(from), fd, scratch.path2(path));
      if (result == 0) {
        name = null;
      }
      return result;
    }

    private void makeParent(byte[] path) throws IOException {
      int slash = 0;
      while (path[slash] != '/') {
        slash++;
      }
      byte[] parent = Arrays.copyOf(path, slash);
      int result = Sys.mkdirat(fd, Sys.scratch().path(parent), 0755);
      if (result != -Errno.EEXIST) {
        LinuxFiles.check(result, parent);
      }
    }

    @Override
    public void close() throws IOException {
      Sys.close(file);
      if (name != null) {
        Sys.unlinkat(fd, Sys.scratch().path(name), 0);
      }
    }
  }
}
