package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Failures of a scan, which tell the path from its root. */
final class ScanErrors {
  private ScanErrors() {}

  /** A failure about an open file or directory; see the other form. */
  static IOException named(IOException e, String path) {
    return named(e, path, new byte[0]);
  }

  /**
   * A failure of the platform, which knows nothing but a name at best, as one that tells the path.
   *
   * @param path of what failed, from the root of the scan
   * @param name what the platform was asked for
   */
  static IOException named(IOException e, String path, byte[] name) {
    String message = String.valueOf(e.getMessage());
    if (message.startsWith(WalkedDirectory.shortened(path))) {
      return e;
    }
    if (e instanceof InvalidTreeException) {
      return new InvalidTreeException(path + ": " + message);
    }
    String prefix = FileName.printable(name) + ": ";
    String reason =
        switch (e) {
          case NoSuchFileException _ -> "No such file or directory";
          case AccessDeniedException _ -> "Permission denied";
          case FileSystemException f when f.getReason() != null -> f.getReason();
          default -> message.startsWith(prefix) ? message.substring(prefix.length()) : message;
        };
    return new ComposefsException(path + ": " + reason, e);
  }

  static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted");
  }
}
