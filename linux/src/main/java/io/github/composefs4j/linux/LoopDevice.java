package io.github.composefs4j.linux;

import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A read-only loop device over an image, for kernels whose EROFS cannot mount a file
 * (fuse-and-mount.md 14). It clears itself when it is neither mounted nor open.
 */
record LoopDevice(Fd fd, byte[] path) implements AutoCloseable {
  private static final byte[] CONTROL = "/dev/loop-control".getBytes(StandardCharsets.US_ASCII);

  /** How often another process may take the number we were given. */
  private static final int ATTEMPTS = 64;

  /** Sets up a device; {@code name} is what {@code losetup} shows. */
  static LoopDevice open(Fd image, byte[] name) throws IOException {
    try (Fd control = Fd.open(CONTROL, Abi.O_RDWR)) {
      for (int i = 0; i < ATTEMPTS; i++) {
        int number = MountCalls.freeLoop(control);
        if (number < 0) {
          throw failure("no free loop device", -number);
        }
        byte[] path = ("/dev/loop" + number).getBytes(StandardCharsets.US_ASCII);
        Fd device = Fd.open(path, Abi.O_RDONLY);
        int result = configure(device, image, name);
        if (result == 0) {
          return new LoopDevice(device, path);
        }
        device.close();
        if (result != -Errno.EBUSY) {
          throw failure(new String(path, StandardCharsets.US_ASCII), -result);
        }
      }
      throw failure("no free loop device", Errno.EBUSY);
    } catch (ErrnoException e) {
      throw failure("/dev", e.errno());
    }
  }

  private static MountException failure(String what, int errno) {
    return new MountException(
        what + ": " + Errno.text(errno) + "; this image needs a loop device (module loop)",
        errno,
        List.of());
  }

  private static int configure(Fd device, Fd image, byte[] name) {
    int flags = Abi.LO_FLAGS_READ_ONLY | Abi.LO_FLAGS_AUTOCLEAR;
    int result =
        MountCalls.configureLoop(device, image, name, 4096, flags | Abi.LO_FLAGS_DIRECT_IO);
    if (result == -Errno.EINVAL) { // no direct I/O to this file system, or an odd block size
      result = MountCalls.configureLoop(device, image, name, 512, flags);
    }
    if (result == -Errno.EINVAL || result == -Errno.ENOTTY) { // before 5.8
      result = MountCalls.setLoop(device, image, name, flags);
    }
    return result;
  }

  @Override
  public void close() {
    fd.close();
  }
}
