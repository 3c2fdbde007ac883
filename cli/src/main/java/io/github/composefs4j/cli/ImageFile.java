package io.github.composefs4j.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/**
 * Writes an image file so that after any failure the old file is untouched and a new one absent: a
 * regular file is written beside its name and renamed when complete. Pipes and devices are written
 * in place.
 */
final class ImageFile {
  /** Writes the content. */
  interface Content {
    void write(WritableByteChannel out) throws IOException;
  }

  private ImageFile() {}

  static void write(Path path, Content content) throws IOException {
    Path target = Files.exists(path) ? path.toRealPath() : followDangling(path);
    boolean exists = Files.exists(target);
    if (exists && !Files.isRegularFile(target)) {
      try (FileChannel out = FileChannel.open(target, StandardOpenOption.WRITE)) {
        content.write(out);
      }
      return;
    }
    if (exists && !Files.isWritable(target)) {
      throw new java.nio.file.AccessDeniedException(target.toString());
    }
    Path directory = target.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      throw new java.nio.file.NoSuchFileException(target.toString());
    }
    Path temporary =
        directory.resolve(
            "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
    Thread cleaner = new Thread(() -> delete(temporary));
    Runtime.getRuntime().addShutdownHook(cleaner);
    try {
      try (FileChannel out =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        content.write(out);
      }
      if (exists) {
        keepOwnerAndMode(target, temporary);
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      delete(temporary);
      try {
        Runtime.getRuntime().removeShutdownHook(cleaner);
      } catch (IllegalStateException e) {
        // already going down: the hook does it
      }
    }
  }

  private static Path followDangling(Path path) throws IOException {
    Path at = path;
    for (int links = 0; Files.isSymbolicLink(at); links++) {
      if (links == 40) {
        throw new java.nio.file.FileSystemLoopException(path.toString());
      }
      at = at.resolveSibling(Files.readSymbolicLink(at));
    }
    return at;
  }

  private static void keepOwnerAndMode(Path from, Path to) throws IOException {
    PosixFileAttributes old =
        Files.readAttributes(from, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    Set<PosixFilePermission> mode = EnumSet.noneOf(PosixFilePermission.class);
    mode.addAll(PosixFilePermissions.fromString(PosixFilePermissions.toString(old.permissions())));
    try {
      Files.setAttribute(to, "posix:owner", old.owner());
      Files.setAttribute(to, "posix:group", old.group());
    } catch (IOException e) {
      // not ours to give away: the new file is its writer's, as a copy would be
    }
    Files.setPosixFilePermissions(to, mode);
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // nothing more can be done about it
    }
  }
}
