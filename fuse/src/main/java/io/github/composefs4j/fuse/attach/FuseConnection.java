package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.MountTable;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.FsContext;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The kernel's side of a mount, by the number that the FUSE control file system has for it: the
 * minor number of the file system's device.
 */
record FuseConnection(int number) {
  private static final Path CONTROL = Path.of("/sys/fs/fuse/connections");
  private static final Path READ_AHEAD = Path.of("/sys/class/bdi");
  private static final int STATX_DEV_MINOR = 140;

  /** {@return the connection of a mount, also of one that is attached nowhere} */
  static FuseConnection of(Fd mount) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    int flags = Abi.AT_EMPTY_PATH | Abi.AT_STATX_DONT_SYNC;
    int result = Sys.statx(mount.number(), scratch.path(new byte[0]), flags);
    if (result < 0) {
      throw new ErrnoException("the mount's device", -result);
    }
    return new FuseConnection(scratch.structBytes.getInt(STATX_DEV_MINOR));
  }

  /** {@return the connection of the mount at a mount point} */
  static FuseConnection at(String point) throws IOException {
    MountTable.Entry entry = MountTable.read().at(point);
    if (entry == null) {
      throw new IOException(point + ": the mount is gone already");
    }
    String device = entry.device();
    return new FuseConnection(Integer.parseInt(device.substring(device.indexOf(':') + 1)));
  }

  /**
   * Sets how far the kernel reads ahead of who reads a file in order. Where that is not allowed, as
   * to others than root, it stays 128 KiB.
   */
  void readAhead(int bytes) {
    try {
      Path setting = READ_AHEAD.resolve("0:" + number).resolve("read_ahead_kb");
      Files.writeString(setting, Integer.toString(bytes >> 10));
    } catch (IOException e) {
      // slower, no more
    }
  }

  /** Ends all requests, those that wait and those to come, with an error. */
  void abort() throws IOException {
    try {
      abort(CONTROL);
    } catch (IOException e) {
      abortWithoutControl();
    }
  }

  private void abort(Path control) throws IOException {
    Files.writeString(control.resolve(Integer.toString(number)).resolve("abort"), "1");
  }

  /** Few small systems mount the control file system: root has one of its own, others use force. */
  private void abortWithoutControl() throws IOException {
    try (FsContext context = FsContext.open("fusectl", (step, errno, _) -> failure(step, errno));
        Fd control = context.mount(0)) {
      abort(Path.of(FileName.decode(control.procPath())));
    } catch (IOException e) {
      for (MountTable.Entry each : MountTable.read().entries()) {
        if (each.device().endsWith(":" + number) && each.type().startsWith("fuse")) {
          long point = Sys.scratch().path(FileName.encode(each.point()));
          int result = Sys.umount(point, Abi.MNT_FORCE);
          if (result < 0 && result != -Errno.EBUSY) { // in use, but ended
            throw new ErrnoException(each.point(), -result);
          }
          return;
        }
      }
      throw e;
    }
  }

  private static IOException failure(String step, int errno) {
    return new ErrnoException("the FUSE control file system (" + step + ")", errno);
  }
}
