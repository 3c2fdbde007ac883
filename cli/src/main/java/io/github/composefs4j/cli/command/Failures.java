package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Errors as one line, in the C library's words where the JDK has only a class name. */
public final class Failures {
  private Failures() {}

  /** {@return what went wrong, one line} */
  public static String line(Throwable e) {
    String text =
        switch (e) {
          case FileSystemException f -> f.getFile() + ": " + reason(f);
          case UncheckedIOException u when u.getCause() != null -> line(u.getCause());
          case IOException io ->
              io.getMessage() == null ? "input or output failed" : io.getMessage();
          case OutOfMemoryError _ -> "out of memory; allow more, for example COMPOSEFS_HEAP=4g";
          default -> e.toString();
        };
    return oneLine(text);
  }

  /** {@return text without line breaks and other control characters, which names may hold} */
  public static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(c < ' ' || c == 0x7f ? (c == '\n' ? ' ' : '?') : c);
    }
    return line.toString();
  }

  /** {@return why a file could not be used, in the C library's words} */
  public static String reason(FileSystemException e) {
    return switch (e) {
      case NoSuchFileException _ -> "No such file or directory";
      case AccessDeniedException _ -> "Permission denied";
      case NotDirectoryException _ -> "Not a directory";
      case FileAlreadyExistsException _ -> "File exists";
      case DirectoryNotEmptyException _ -> "Directory not empty";
      case FileSystemLoopException _ -> "Too many levels of symbolic links";
      default -> e.getReason() == null ? "failed" : e.getReason();
    };
  }

  /** {@return whether standard output was closed by its reader, which is no error to talk about} */
  public static boolean isClosedPipe(Throwable e) {
    Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
    return cause instanceof IOException && "Broken pipe".equals(cause.getMessage());
  }
}
