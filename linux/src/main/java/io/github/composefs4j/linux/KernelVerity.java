package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Optional;

/** fs-verity by the kernel: enabling it on files, and asking for the digest it holds. */
public final class KernelVerity {
  private static final int ATTEMPTS = 20;
  private static final int DIGEST_HEADER = 4;

  private KernelVerity() {}

  /** {@return whether native access is there to ask the kernel} */
  public static boolean isAvailable() {
    return new LinuxPlatform().isAvailable();
  }

  /**
   * {@return the digest that the kernel guarantees for a file, or empty if it has none}
   *
   * @throws IOException if the file cannot be opened, or the kernel's answer is another error than
   *     "none"
   */
  public static Optional<Digest> measure(Path file) throws IOException {
    byte[] path = LinuxPlatform.bytes(file);
    int fd = LinuxFiles.check(Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(path), 0, 0), path);
    try {
      return measure(fd);
    } finally {
      Sys.close(fd);
    }
  }

  /** {@return whether files on the file system of a directory can have fs-verity} */
  public static boolean isPossible(Path directory) {
    try (Fd fd = Fd.open(RawPath.of(directory), Abi.O_RDONLY | Abi.O_DIRECTORY)) {
      return VeritySupport.isPossible(fd);
    } catch (ErrnoException e) {
      return false;
    }
  }

  /** {@return the digest that the kernel guarantees for an open file, or empty if it has none} */
  public static Optional<Digest> measure(int fd) throws IOException {
    return measured(ask(fd));
  }

  /** {@return 0, the digest being in this thread's scratch memory, or a negative error number} */
  static int ask(int fd) {
    MemorySegment struct = Sys.scratch().struct;
    struct.set(ValueLayout.JAVA_SHORT, 0, (short) 0);
    struct.set(ValueLayout.JAVA_SHORT, 2, (short) HashAlgorithm.SHA512.size());
    return Sys.ioctl(fd, Abi.FS_IOC_MEASURE_VERITY, struct.address());
  }

  /** {@return what {@link #measure(int)} makes of the result of {@link #ask}} */
  static Optional<Digest> measured(int result) throws IOException {
    if (result < 0) {
      if (isUnsupported(-result) || result == -Errno.ENODATA) {
        return Optional.empty();
      }
      throw new ErrnoException("fs-verity measurement", -result);
    }
    MemorySegment struct = Sys.scratch().struct;
    int size = struct.get(ValueLayout.JAVA_SHORT, 2);
    byte[] digest = struct.asSlice(DIGEST_HEADER, size).toArray(ValueLayout.JAVA_BYTE);
    return Optional.of(Digest.of(digest));
  }

  static boolean isUnsupported(int errno) {
    return errno == Errno.ENOTTY || errno == Errno.EOPNOTSUPP;
  }

  /** {@return true if kernel or file system cannot have fs-verity at all} */
  static boolean mayNotSupport(int fd) {
    return isUnsupported(-ask(fd));
  }

  /**
   * Enables fs-verity with 4096-byte blocks on a file that is open for reading only.
   *
   * @return 0 or the error number; {@code EEXIST} if it has fs-verity already
   */
  static int enable(int fd, HashAlgorithm algorithm) throws IOException {
    for (int attempt = 0; ; attempt++) {
      MemorySegment struct = Sys.scratch().struct;
      struct.asSlice(0, 128).fill((byte) 0);
      struct.set(ValueLayout.JAVA_INT, 0, 1);
      struct.set(ValueLayout.JAVA_INT, 4, algorithm.id());
      struct.set(ValueLayout.JAVA_INT, 8, VerityHasher.BLOCK_SIZE);
      int result = Sys.ioctl(fd, Abi.FS_IOC_ENABLE_VERITY, struct.address());
      // A child process that was just forked may hold our writing descriptor for a moment.
      if (result != -Errno.ETXTBSY || attempt == ATTEMPTS) {
        return -result;
      }
      try {
        Thread.sleep(1 + attempt);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted");
      }
    }
  }
}
