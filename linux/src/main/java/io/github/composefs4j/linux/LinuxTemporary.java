package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file that is to become an object, in the directory of a store; without a name where that is
 * possible, otherwise under a temporary one and locked.
 */
final class LinuxTemporary implements TemporaryFile {
  /** Of objects, whatever the umask is. */
  static final int MODE = 0644;

  /** Fresh copies of a file that somebody holds open for writing. */
  private static final int COPIES = 3;

  private static final byte[] SELF = {};

  private final LinuxStore store;
  private int file;
  private byte @Nullable [] name;
  private long size;

  LinuxTemporary(LinuxStore store, int file, byte @Nullable [] name) {
    this.store = store;
    this.file = file;
    this.name = name;
  }

  @Override
  public boolean cloneFrom(HostFile source) {
    if (store.noReflink || !(source instanceof LinuxFiles.File other)) {
      return false;
    }
    int result = Sys.ioctl(file, Abi.FICLONE, other.fd());
    if (result == -Errno.EOPNOTSUPP || result == -Errno.ENOTTY) {
      store.noReflink = true; // EXDEV and EINVAL may be this source's alone
    }
    return result == 0;
  }

  @Override
  public boolean copyRangeFrom(HostFile source, long length) throws IOException {
    if (store.noCopyRange || !(source instanceof LinuxFiles.File other)) {
      return false;
    }
    long done = 0;
    while (done < length) {
      MemorySegment offset = Sys.scratch().struct;
      offset.set(ValueLayout.JAVA_LONG, 0, done);
      long copied = Sys.copyFileRange(other.fd(), offset.address(), file, 0, length - done);
      if (copied == -Errno.ENOSPC || copied == -Errno.EIO) {
        throw store.failure("writing an object", (int) -copied);
      }
      if (copied <= 0) {
        store.noCopyRange = copied == -Errno.ENOSYS || copied == -Errno.EXDEV;
        break;
      }
      done += copied;
    }
    size = done;
    return done == length;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    for (int done = 0; done < length; ) {
      int part = Math.min(length - done, scratch.dataBytes.capacity());
      scratch.dataBytes.put(0, bytes, offset + done, part);
      long written = Sys.pwrite(file, scratch.data, part, size);
      if (written < 0) {
        throw store.failure("writing an object", (int) -written);
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
  public Optional<Digest> seal(HashAlgorithm algorithm, boolean required) throws IOException {
    setMode();
    if (store.noVerity) {
      return without(required, Errno.EOPNOTSUPP);
    }
    for (int copies = 0; ; copies++) {
      reopen();
      if (KernelVerity.mayNotSupport(file)) {
        store.noVerity = true;
        return without(required, Errno.EOPNOTSUPP);
      }
      int errno = KernelVerity.enable(file, algorithm);
      if (errno == 0 || errno == Errno.EEXIST) {
        return KernelVerity.measure(file);
      }
      if (errno != Errno.ETXTBSY || copies == COPIES) {
        store.noVerity = KernelVerity.isUnsupported(errno);
        return without(required, errno);
      }
      copy();
    }
  }

  private void setMode() throws IOException {
    Boolean right = name != null ? Boolean.FALSE : store.rightMode;
    if (right == null) {
      right = LinuxFiles.stat(file, SELF).mode() == (Inode.S_IFREG | MODE);
      store.rightMode = right;
    }
    if (!right) {
      LinuxFiles.check(Sys.fchmod(file, MODE), LinuxStore.DOT);
    }
  }

  private Optional<Digest> without(boolean required, int errno) throws IOException {
    if (required) {
      throw store.failure("enabling fs-verity", errno);
    }
    return Optional.empty();
  }

  /** fs-verity wants the file open for reading only. */
  private void reopen() throws IOException {
    byte[] self = LinuxStore.descriptorPath(file);
    int reader = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(self), Abi.O_RDONLY, 0);
    LinuxFiles.check(reader, self);
    if (name != null) {
      Sys.flock(reader, Abi.LOCK_SH | Abi.LOCK_NB);
    }
    Sys.close(file);
    file = reader;
  }

  /** A process that was forked may hold the file open for writing for ever: go on with another. */
  private void copy() throws IOException {
    try (TemporaryFile fresh = store.create()) {
      LinuxTemporary other = (LinuxTemporary) fresh;
      byte[] buffer = new byte[1 << 16];
      for (long at = 0; ; ) {
        int read = read(at, buffer, 0, buffer.length);
        if (read == 0) {
          break;
        }
        other.write(buffer, 0, read);
        at += read;
      }
      other.setMode();
      int oldFile = file;
      byte @Nullable [] oldName = name;
      file = other.file;
      name = other.name;
      other.file = oldFile;
      other.name = oldName;
    }
  }

  @Override
  public void sync() throws IOException {
    LinuxFiles.check(Sys.fsync(file), LinuxStore.DOT);
  }

  @Override
  public boolean publish(byte[] path, boolean replace) throws IOException {
    int result = replace ? replace(path) : store.link(file, path);
    if (result == -Errno.ENOENT && store.makeParent(path)) {
      result = replace ? replace(path) : store.link(file, path);
    }
    return LinuxStore.done(result, Errno.EEXIST, path);
  }

  private int replace(byte[] path) throws IOException {
    byte[] from = name;
    if (from == null) {
      from = LinuxStore.temporaryName();
      Sys.flock(file, Abi.LOCK_SH | Abi.LOCK_NB);
      int linked = store.link(file, from);
      if (linked < 0) {
        return linked;
      }
      name = from;
    }
    Sys.Scratch scratch = Sys.scratch();
    int result = Sys.renameat(store.fd(), scratch.path(from), store.fd(), scratch.path2(path));
    if (result == 0) {
      name = null;
    }
    return result;
  }

  @Override
  public void close() throws IOException {
    if (name != null) {
      Sys.unlinkat(store.fd(), Sys.scratch().path(name), 0);
    }
    Sys.close(file);
  }
}
