package io.github.composefs4j.linux;

import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A private directory for an EROFS mount that must have a path for a moment. Closing detaches what
 * is mounted there and removes the directory.
 */
record TemporaryMountPoint(byte[] path) implements AutoCloseable {
  private static final String[] PARENTS = {"/run/", "/tmp/"};
  private static final int MODE = 0700;

  static TemporaryMountPoint create() throws IOException {
    int error = 0;
    for (String parent : PARENTS) {
      // Names need not be secret: the directory must be new, and nobody else may enter it.
      String prefix = parent + ".composefs-" + ProcessHandle.current().pid() + "-";
      long first = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        byte[] path = (prefix + Long.toHexString(first + i)).getBytes(StandardCharsets.US_ASCII);
        error = -Sys.mkdirat(Abi.AT_FDCWD, Sys.scratch().path(path), MODE);
        if (error == 0) {
          return new TemporaryMountPoint(path);
        }
        if (error != Errno.EEXIST) {
          break;
        }
      }
    }
    throw new MountException(
        "cannot make a private directory in /run or /tmp: " + Errno.text(error), error, List.of());
  }

  @Override
  public void close() throws ErrnoException {
    MountCalls.umount(path, Abi.MNT_DETACH | Abi.UMOUNT_NOFOLLOW);
    Sys.unlinkat(Abi.AT_FDCWD, Sys.scratch().path(path), Abi.AT_REMOVEDIR);
  }
}
