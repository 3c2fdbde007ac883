package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.time.Duration;
import java.time.Instant;

/**
 * The file that an image is written to, so that after any failure the old one is untouched and a
 * new one absent: a regular file is written beside its name and renamed when complete. Pipes and
 * devices are written in place.
 */
public final class ImageFile {
  private static final int LINKS_MAX = 40;

  /** A writer has its file locked before it is this old. */
  private static final Duration UNLOCKED = Duration.ofMinutes(1);

  /** Writes the content. */
  @FunctionalInterface
  public interface Content {
    /** Writes all of it. */
    void write(WritableByteChannel out) throws IOException;
  }

  private final Path target;
  private final boolean exists;

  private ImageFile(Path target, boolean exists) {
    this.target = target;
    this.exists = exists;
  }

  /**
   * {@return the file that a path names, once it is known that it could be written} Nothing is
   * changed yet, and nothing of ours lies beside it that a scan might see.
   *
   * @param path links are followed, also one whose target is missing
   */
  public static ImageFile at(Path path) throws IOException {
    Path target = Files.exists(path) ? path.toRealPath() : followDangling(path);
    boolean exists = Files.exists(target);
    if (exists && !Files.isWritable(target)) {
      throw notWritable(path, target);
    }
    if (Files.isDirectory(target)) {
      throw new FileSystemException(path.toString(), null, "Is a directory");
    }
    Path directory = directory(target);
    if (!Files.isDirectory(directory)) {
      throw Files.exists(directory)
          ? new NotDirectoryException(path.toString())
          : new NoSuchFileException(path.toString());
    }
    if (!exists && !Files.isWritable(directory)) {
      throw notWritable(path, directory);
    }
    return new ImageFile(target, exists);
  }

  private static FileSystemException notWritable(Path path, Path at) throws IOException {
    return Files.getFileStore(at).isReadOnly()
        ? new FileSystemException(path.toString(), null, "Read-only file system")
        : new AccessDeniedException(path.toString());
  }

  /** Writes it; an existing file keeps its mode, and its owner where that is allowed. */
  public void write(Content content) throws IOException {
    if (exists && !Files.isRegularFile(target)) {
      try (FileChannel out = FileChannel.open(target, StandardOpenOption.WRITE)) {
        content.write(named(out));
      }
      return;
    }
    Path usual = usualTemporary();
    removeLeftover(usual);
    Path temporary = Files.exists(usual, LinkOption.NOFOLLOW_LINKS) ? furtherTemporary() : usual;
    try {
      write(temporary, content);
    } catch (FileAlreadyExistsException e) { // another writer came between
      write(furtherTemporary(), content);
    }
  }

  private void write(Path temporary, Content content) throws IOException {
    try (FileChannel out = create(temporary)) {
      lock(out);
      content.write(named(out));
      if (exists) {
        keepOwnerAndMode(target, temporary);
      }
      // Locked until it has its name.
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Interruption.remove(temporary);
    }
  }

  /** {@return the channel, with the target's name in what it complains of} */
  private WritableByteChannel named(FileChannel out) {
    return new WritableByteChannel() {
      @Override
      public int write(ByteBuffer bytes) throws IOException {
        try {
          return out.write(bytes);
        } catch (IOException e) {
          if (Failures.isClosedPipe(e) || e instanceof ClosedChannelException) {
            throw e;
          }
          FileSystemException named =
              new FileSystemException(target.toString(), null, e.getMessage());
          named.initCause(e);
          throw named;
        }
      }

      @Override
      public boolean isOpen() {
        return out.isOpen();
      }

      @Override
      public void close() throws IOException {
        out.close();
      }
    };
  }

  /**
   * The same for the same target, so that what a killed run left is found by the next; not made of
   * its name, which might be as long as names may be.
   */
  private Path usualTemporary() {
    return temporary(Integer.toHexString(target.hashCode()));
  }

  private Path furtherTemporary() {
    return temporary(Long.toHexString(System.nanoTime()));
  }

  private Path temporary(String middle) {
    return directory(target).resolve(".composefs-" + middle + ".tmp");
  }

  private static void lock(FileChannel out) {
    try {
      out.tryLock();
    } catch (IOException | UnsupportedOperationException e) {
      // no locks on this file system: nobody removes files there either
    }
  }

  /** Removes it if it is old and nobody has it locked: its writer was killed. */
  private static void removeLeftover(Path temporary) {
    if (!Files.isRegularFile(temporary, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Instant limit = Instant.now().minus(UNLOCKED);
    try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock != null
          && Files.getLastModifiedTime(temporary, LinkOption.NOFOLLOW_LINKS)
              .toInstant()
              .isBefore(limit)) {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException | OverlappingFileLockException | UnsupportedOperationException e) {
      // it stays
    }
  }

  private FileChannel create(Path temporary) throws IOException {
    try {
      return Interruption.create(temporary);
    } catch (FileAlreadyExistsException e) {
      throw e;
    } catch (FileSystemException e) {
      FileSystemException named =
          new FileSystemException(target.toString(), null, Failures.reason(e));
      named.initCause(e);
      throw named;
    }
  }

  private static Path directory(Path target) {
    Path directory = target.toAbsolutePath().getParent();
    return directory == null ? target : directory;
  }

  private static Path followDangling(Path path) throws IOException {
    Path at = path;
    for (int links = 0; Files.isSymbolicLink(at); links++) {
      if (links == LINKS_MAX) {
        throw new FileSystemLoopException(path.toString());
      }
      at = at.resolveSibling(Files.readSymbolicLink(at));
    }
    return at;
  }

  private static void keepOwnerAndMode(Path from, Path to) throws IOException {
    PosixFileAttributes old =
        Files.readAttributes(from, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    try {
      Files.setAttribute(to, "posix:owner", old.owner());
      Files.setAttribute(to, "posix:group", old.group());
    } catch (IOException e) {
      // not ours to give away: the new file is its writer's, as a copy would be
    }
    Files.setPosixFilePermissions(to, old.permissions());
  }
}
