package io.github.composefs4j.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Errors as one line, in the C library's words where the JDK has only a class name. */
final class Failures {
  private Failures() {}

  static String line(Throwable e) {
    String text =
        switch (e) {
          case FileSystemException f -> f.getFile() + ": " + reason(f);
          case IOException io ->
              io.getMessage() == null ? "input or output failed" : io.getMessage();
          case OutOfMemoryError _ -> "out of memory; give the JVM more by JAVA_TOOL_OPTIONS=-Xmx…";
          default -> e.toString();
        };
    return text.replace('\n', ' ');
  }

  static String reason(FileSystemException e) {
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
  static boolean isClosedPipe(Throwable e) {
    return e instanceof IOException && "Broken pipe".equals(e.getMessage());
  }
}
