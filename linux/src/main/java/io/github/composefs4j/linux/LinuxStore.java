package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A directory that is written to, by descriptor. */
final class LinuxStore implements StoreDirectory {
  private static final byte[] EMPTY = {};

  private static final AtomicLong COUNTER = new AtomicLong(System.nanoTime());

  private static final String TEMPORARY = ".tmp4j-";

  /** A writer has its file locked before it is this old. */
  private static final long UNLOCKED_SECONDS = 60;

  static final byte[] DOT = StoreDirectory.self();

  private final int fd;

  // What the file system refused once is not tried again.
  volatile boolean noReflink;
  volatile boolean noCopyRange;
  volatile boolean noVerity;
  private volatile boolean noUnnamed;
  private volatile boolean noEmptyPath;

  /** Whether new files get the mode of objects: neither umask nor ACLs are against it. */
  volatile @Nullable Boolean rightMode;

  private final AtomicBoolean swept = new AtomicBoolean();

  LinuxStore(int fd, boolean unnamedFiles) {
    this.fd = fd;
    this.noUnnamed = !unnamedFiles;
  }

  int fd() {
    return fd;
  }

  @Override
  public long fileSize(byte[] path) throws IOException {
    HostStat stat = LinuxFiles.statOrNull(fd, path);
    return stat == null
        ? ABSENT
        : (stat.mode() & Inode.S_IFMT) == Inode.S_IFREG ? stat.size() : NO_FILE;
  }

  @Override
  public @Nullable HostStat stat(byte[] path) throws IOException {
    return LinuxFiles.statOrNull(fd, path);
  }

  @Override
  public HostFile open(byte[] path) throws IOException {
    int file = Sys.openat(fd, Sys.scratch().path(path), Abi.O_NOFOLLOW, 0);
    if (file == -Errno.ENOENT) {
      throw new NoSuchFileException(LinuxFiles.printable(path));
    }
    return new ObjectFile(LinuxFiles.check(file, path));
  }

  /** Whether the file system can have fs-verity is not asked at every object. */
  private final class ObjectFile extends LinuxFiles.File {
    ObjectFile(int fd) {
      super(fd);
    }

    @Override
    public Optional<Digest> verityDigest() throws IOException {
      if (noVerity) {
        return Optional.empty();
      }
      int result = KernelVerity.ask(fd());
      if (KernelVerity.isUnsupported(-result)) {
        noVerity = true;
      }
      return KernelVerity.measured(result);
    }
  }

  @Override
  public boolean list(byte[] path, EntrySink sink) throws IOException {
    int flags = Abi.O_DIRECTORY | Abi.O_NOFOLLOW;
    int directory = Sys.openat(fd, Sys.scratch().path(path), flags, 0);
    if (directory == -Errno.ENOENT) {
      return false;
    }
    LinuxFiles.check(directory, path);
    try {
      LinuxFiles.list(directory, sink);
    } finally {
      Sys.close(directory);
    }
    return true;
  }

  @Override
  public byte @Nullable [] readLink(byte[] path) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    long length = Sys.readlinkat(fd, scratch.path(path), scratch.data, scratch.data.byteSize());
    if (length == -Errno.ENOENT) {
      return null;
    }
    LinuxFiles.check(length, path);
    return scratch.copyOfData((int) length);
  }

  /** {@return whether the call did it; false if it failed with this error number} */
  static boolean done(int result, int refusal, byte[] path) throws IOException {
    if (result == -refusal) {
      return false;
    }
    LinuxFiles.check(result, path);
    return true;
  }

  @Override
  public boolean makeLink(byte[] path, byte[] target) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    int result = Sys.symlinkat(scratch.path(target), fd, scratch.path2(path));
    return done(result, Errno.EEXIST, path);
  }

  @Override
  public void rename(byte[] from, byte[] to) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    LinuxFiles.check(Sys.renameat(fd, scratch.path(from), fd, scratch.path2(to)), to);
  }

  @Override
  public boolean remove(byte[] path) throws IOException {
    return done(Sys.unlinkat(fd, Sys.scratch().path(path), 0), Errno.ENOENT, path);
  }

  @Override
  public boolean removeDirectory(byte[] path) throws IOException {
    int result = Sys.unlinkat(fd, Sys.scratch().path(path), Abi.AT_REMOVEDIR);
    return result != -Errno.ENOTEMPTY
        && result != -Errno.EEXIST
        && done(result, Errno.ENOENT, path);
  }

  @Override
  public boolean makeDirectory(byte[] path) throws IOException {
    return done(Sys.mkdirat(fd, Sys.scratch().path(path), 0755), Errno.EEXIST, path);
  }

  @Override
  public void syncDirectory(byte[] path) throws IOException {
    int directory = Sys.openat(fd, Sys.scratch().path(path), Abi.O_DIRECTORY, 0);
    LinuxFiles.check(directory, path);
    try {
      LinuxFiles.check(Sys.fsync(directory), path);
    } finally {
      Sys.close(directory);
    }
  }

  @Override
  public boolean isWritable() throws IOException {
    return !Sys.isReadOnly(fd) && Sys.faccessat(fd, Sys.scratch().path(DOT), Abi.W_OK) == 0;
  }

  @Override
  public Optional<Digest> protect(HostFile file, HashAlgorithm algorithm) throws IOException {
    if (!(file instanceof LinuxFiles.File open)) {
      return Optional.empty();
    }
    HostStat before = open.stat();
    int errno = KernelVerity.enable(open.fd(), algorithm);
    if (KernelVerity.isUnsupported(errno)) {
      return Optional.empty();
    }
    if (errno != 0 && errno != Errno.EEXIST) {
      throw new ErrnoException("enabling fs-verity", errno);
    }
    if (errno == 0) {
      restoreMtime(open.fd(), before);
    }
    return KernelVerity.measure(open.fd());
  }

  /** ext4 changes it, though the content stays; as part of the source's tree it must not. */
  private static void restoreMtime(int file, HostStat before) throws ErrnoException {
    MemorySegment times = Sys.scratch().struct;
    times.set(ValueLayout.JAVA_LONG, 8, Abi.UTIME_OMIT);
    times.set(ValueLayout.JAVA_LONG, 16, before.mtimeSeconds());
    times.set(ValueLayout.JAVA_LONG, 24, Integer.toUnsignedLong(before.mtimeNanos()));
    int result = Sys.utimensat(file, 0, times, 0);
    if (result < 0) {
      throw new ErrnoException("the mtime of a source with fs-verity", -result);
    }
  }

  @Override
  public boolean hardLink(HostFile file, byte[] path) throws IOException {
    if (!(file instanceof LinuxFiles.File open)) {
      return false;
    }
    int result = link(open.fd(), path);
    if (result == -Errno.ENOENT && makeParent(path)) {
      result = link(open.fd(), path);
    }
    return result == 0;
  }

  @Override
  public Lock lock(byte[] path) throws IOException {
    int descriptor = Sys.openat(fd, Sys.scratch().path(path), Abi.O_DIRECTORY, 0);
    Fd owned = new Fd(LinuxFiles.check(descriptor, path));
    return new Lock() {
      @Override
      public boolean tryLock(boolean exclusive) throws IOException {
        int operation = (exclusive ? Abi.LOCK_EX : Abi.LOCK_SH) | Abi.LOCK_NB;
        return done(Sys.flock(owned.number(), operation), Errno.EAGAIN, path);
      }

      @Override
      public void unlock() throws IOException {
        LinuxFiles.check(Sys.flock(owned.number(), Abi.LOCK_UN), path);
      }

      @Override
      public void close() {
        owned.close();
      }
    };
  }

  @Override
  public TemporaryFile create() throws IOException {
    if (!swept.getAndSet(true)) {
      sweep();
    }
    if (!noUnnamed) {
      int file =
          Sys.openat(fd, Sys.scratch().path(DOT), Abi.O_TMPFILE | Abi.O_RDWR, LinuxTemporary.MODE);
      if (file >= 0) {
        return new LinuxTemporary(this, file, null);
      }
      if (file != -Errno.EOPNOTSUPP && file != -Errno.EISDIR && file != -Errno.EINVAL) {
        throw failure("making an object", -file);
      }
      noUnnamed = true;
    }
    while (true) {
      byte[] name = temporaryName();
      int file =
          Sys.openat(fd, Sys.scratch().path(name), Abi.O_RDWR | Abi.O_CREAT | Abi.O_EXCL, 0600);
      if (file != -Errno.EEXIST) {
        if (file < 0) {
          throw failure("making an object", -file);
        }
        Sys.flock(file, Abi.LOCK_SH | Abi.LOCK_NB); // where there are no locks nobody sweeps either
        return new LinuxTemporary(this, file, name);
      }
    }
  }

  /** {@return the failure of something that is done here, which says where} */
  ErrnoException failure(String what, int errno) throws ErrnoException {
    Sys.Scratch scratch = Sys.scratch();
    long self = scratch.path(descriptorPath(fd));
    long length = Sys.readlinkat(Abi.AT_FDCWD, self, scratch.data, scratch.data.byteSize());
    String where =
        length < 0 ? "" : " in " + LinuxFiles.printable(scratch.copyOfData((int) length));
    return new ErrnoException(what + where, errno);
  }

  /** Removes what killed writers left: old enough, and not locked. */
  private void sweep() throws IOException {
    long limit = System.currentTimeMillis() / 1000 - UNLOCKED_SECONDS;
    list(
        DOT,
        (name, type) -> {
          if (type == EntryType.FILE
              && new String(name, StandardCharsets.ISO_8859_1).startsWith(TEMPORARY)) {
            HostStat stat = stat(name);
            if (stat != null && stat.mtimeSeconds() < limit) {
              removeUnlessLocked(name);
            }
          }
        });
  }

  private void removeUnlessLocked(byte[] name) throws IOException {
    int flags = Abi.O_NOFOLLOW | Abi.O_NONBLOCK;
    int file = Sys.openat(fd, Sys.scratch().path(name), flags, 0);
    if (file < 0) {
      return;
    }
    if (Sys.flock(file, Abi.LOCK_EX | Abi.LOCK_NB) == 0) {
      Sys.unlinkat(fd, Sys.scratch().path(name), 0);
    }
    Sys.close(file);
  }

  static byte[] temporaryName() {
    return (TEMPORARY + Long.toString(COUNTER.incrementAndGet() & Long.MAX_VALUE, 36))
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

  static byte[] descriptorPath(int file) {
    return ("/proc/self/fd/" + file).getBytes(StandardCharsets.US_ASCII);
  }

  /** Links by descriptor; through /proc where kernel or privileges do not allow that. */
  int link(int file, byte[] path) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    long to = scratch.path2(path);
    if (!noEmptyPath) {
      int result = Sys.linkat(file, scratch.path(EMPTY), fd, to, Abi.AT_EMPTY_PATH);
      if (result != -Errno.ENOENT) {
        return result;
      }
    }
    long from = scratch.path(descriptorPath(file));
    int result = Sys.linkat(Abi.AT_FDCWD, from, fd, to, Abi.AT_SYMLINK_FOLLOW);
    if (result != -Errno.ENOENT) {
      noEmptyPath = true; // otherwise it is the directory that is missing
    }
    return result;
  }

  /** {@return whether there is a parent now; false if the path has none} */
  boolean makeParent(byte[] path) throws IOException {
    int slash = path.length - 1;
    while (slash > 0 && path[slash] != '/') {
      slash--;
    }
    if (slash <= 0) {
      return false;
    }
    makeDirectory(Arrays.copyOf(path, slash));
    return true;
  }
}
