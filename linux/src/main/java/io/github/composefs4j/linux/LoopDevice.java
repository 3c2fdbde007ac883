package io.github.composefs4j.linux;

import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** A read-only loop device over an image, which goes with its last user (fuse-and-mount.md 14). */
final class LoopDevice implements AutoCloseable {
  private static final int READ_ONLY = 1;
  private static final int AUTOCLEAR = 4;
  private static final int DIRECT_IO = 16;
  private static final int CONFIG_SIZE = 304;
  private static final int ATTEMPTS = 64;

  private final int fd;
  private final String path;

  private LoopDevice(int fd, String path) {
    this.fd = fd;
    this.path = path;
  }

  static LoopDevice open(int image) throws IOException {
    int control = openPath("/dev/loop-control", Abi.O_RDWR);
    try {
      for (int attempt = 0; ; attempt++) {
        int number = Sys.ioctl(control, Abi.LOOP_CTL_GET_FREE, 0);
        if (number < 0) {
          throw new ErrnoException("loop device", -number);
        }
        String path = "/dev/loop" + number;
        int fd = openPath(path, Abi.O_RDONLY);
        int result = configure(fd, image, DIRECT_IO, 4096);
        if (result == -Errno.EINVAL) {
          result = configure(fd, image, 0, 512);
        }
        if (result == 0) {
          return new LoopDevice(fd, path);
        }
        Sys.close(fd);
        if (result != -Errno.EBUSY || attempt == ATTEMPTS) {
          throw new ErrnoException(path, -result);
        }
      }
    } finally {
      Sys.close(control);
    }
  }

  private static int openPath(String path, int flags) throws IOException {
    byte[] bytes = path.getBytes(StandardCharsets.US_ASCII);
    return LinuxFiles.check(Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), flags, 0), bytes);
  }

  private static int configure(int fd, int image, int flags, int blockSize) {
    MemorySegment config = Sys.scratch().struct;
    config.asSlice(0, CONFIG_SIZE).fill((byte) 0);
    config.set(ValueLayout.JAVA_INT, 0, image);
    config.set(ValueLayout.JAVA_INT, 4, blockSize);
    config.set(ValueLayout.JAVA_INT, 60, READ_ONLY | AUTOCLEAR | flags);
    return Sys.ioctl(fd, Abi.LOOP_CONFIGURE, config.address());
  }

  String path() {
    return path;
  }

  @Override
  public void close() {
    Sys.close(fd);
  }
}
