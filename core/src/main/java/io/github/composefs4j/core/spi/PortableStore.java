package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A directory that is written to, by path. No lock, no fs-verity, nothing durable. */
final class PortableStore implements StoreDirectory {
  private static final String TEMPORARY = ".tmp4j-";

  /** A writer has its file locked before it is this old. */
  private static final Duration UNLOCKED = Duration.ofMinutes(1);

  /**
   * Temporary files of this process: opening and closing one would give up the lock of its writer.
   */
  private static final Set<Path> OURS = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final AtomicBoolean swept = new AtomicBoolean();

  PortableStore(Path directory) {
    this.directory = directory;
  }

  private Path resolve(byte[] path) {
    return path.length == 1 && path[0] == '.' ? directory : RawPath.resolve(directory, path);
  }

  @Override
  public long fileSize(byte[] path) throws IOException {
    Path file = resolve(path);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return ABSENT;
    }
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) ? Files.size(file) : NO_FILE;
  }

  @Override
  public @Nullable HostStat stat(byte[] path) throws IOException {
    try {
      return PortablePlatform.stat(resolve(path));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  @Override
  public HostFile open(byte[] path) throws IOException {
    return new PortablePlatform.PortableFile(resolve(path));
  }

  @Override
  public boolean list(byte[] path, EntrySink sink) throws IOException {
    try (DirectoryStream<Path> children = Files.newDirectoryStream(resolve(path))) {
      for (Path child : children) {
        sink.accept(RawPath.nameOf(child), type(child));
      }
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static EntryType type(Path child) {
    if (Files.isSymbolicLink(child)) {
      return EntryType.SYMLINK;
    }
    if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
      return EntryType.DIRECTORY;
    }
    return Files.isRegularFile(child, LinkOption.NOFOLLOW_LINKS) ? EntryType.FILE : EntryType.OTHER;
  }

  @Override
  public byte @Nullable [] readLink(byte[] path) throws IOException {
    try {
      return RawPath.asGiven(Files.readSymbolicLink(resolve(path)));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  @Override
  public boolean makeLink(byte[] path, byte[] target) throws IOException {
    try {
      Files.createSymbolicLink(
          resolve(path),
          directory.getFileSystem().getPath(new String(target, StandardCharsets.UTF_8)));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  @Override
  public void rename(byte[] from, byte[] to) throws IOException {
    Files.move(
        resolve(from),
        resolve(to),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public boolean remove(byte[] path) throws IOException {
    return Files.deleteIfExists(resolve(path));
  }

  @Override
  public boolean removeDirectory(byte[] path) throws IOException {
    try {
      return Files.deleteIfExists(resolve(path));
    } catch (DirectoryNotEmptyException e) {
      return false;
    }
  }

  @Override
  public boolean makeDirectory(byte[] path) throws IOException {
    try {
      Files.createDirectory(resolve(path), PortablePlatform.directoryMode(directory));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  @Override
  public void syncDirectory(byte[] path) {}

  @Override
  public boolean isWritable() throws IOException {
    return Files.isWritable(directory) && !Files.getFileStore(directory).isReadOnly();
  }

  @Override
  public Optional<Digest> protect(HostFile file, HashAlgorithm algorithm) {
    return Optional.empty();
  }

  @Override
  public boolean hardLink(HostFile file, byte[] path) {
    return false;
  }

  @Override
  public @Nullable Lock lock(byte[] path) {
    return null;
  }

  @Override
  public TemporaryFile create() throws IOException {
    if (!swept.getAndSet(true)) {
      sweep();
    }
    Path file = Files.createTempFile(directory, TEMPORARY, "");
    OURS.add(file);
    return new PortableTemporary(directory, file);
  }

  /** Removes what killed writers left: old enough, and not locked. */
  private void sweep() throws IOException {
    FileTime limit = FileTime.from(Instant.now().minus(UNLOCKED));
    try (DirectoryStream<Path> left = Files.newDirectoryStream(directory, TEMPORARY + "*")) {
      for (Path file : left) {
        if (!OURS.contains(file)
            && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
            && Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).compareTo(limit) < 0) {
          removeUnlessLocked(file);
        }
      }
    }
  }

  private static void removeUnlessLocked(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | OverlappingFileLockException | UnsupportedOperationException e) {
      // somebody else's, or no locks here: it stays
    }
  }

  @Override
  public void sync() {}

  @Override
  public void close() {}

  private static final class PortableTemporary implements StoreDirectory.TemporaryFile {
    private final Path directory;
    private final FileChannel channel;
    private final Path created;
    private @Nullable Path file;

    PortableTemporary(Path directory, Path file) throws IOException {
      this.directory = directory;
      this.file = file;
      this.created = file;
      this.channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        channel.tryLock(0, Long.MAX_VALUE, true); // held until the channel is closed
      } catch (IOException | UnsupportedOperationException e) {
        // no locks on this file system: nobody sweeps there either
      }
    }

    @Override
    public boolean cloneFrom(HostFile source) {
      return false;
    }

    @Override
    public boolean copyRangeFrom(HostFile source, long length) {
      return false;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return Math.max(0, channel.read(ByteBuffer.wrap(into, offset, length), position));
    }

    @Override
    public Optional<Digest> seal(HashAlgorithm verity, boolean required) throws IOException {
      if (required) {
        throw new IOException("fs-verity is required, which only the kernel can give");
      }
      if (file != null && Files.getFileStore(directory).supportsFileAttributeView("posix")) {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
      }
      return Optional.empty();
    }

    @Override
    public void sync() throws IOException {
      channel.force(true);
    }

    @Override
    public boolean publish(byte[] path, boolean replace) throws IOException {
      Path temporary = file;
      if (temporary == null) {
        throw new IllegalStateException("published before");
      }
      Path target = RawPath.resolve(directory, path);
      Path parent = target.getParent();
      if (parent != null) {
        Files.createDirectories(parent, PortablePlatform.directoryMode(directory));
      }
      if (!replace) {
        try {
          Files.createLink(target, temporary);
          return true;
        } catch (FileAlreadyExistsException e) {
          return false;
        } catch (UnsupportedOperationException e) {
          // no hard links: the move below replaces an equal file at worst
        }
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      file = null;
      return true;
    }

    @Override
    public void close() throws IOException {
      Path left = file;
      if (left != null) {
        Files.deleteIfExists(left);
      }
      channel.close();
      OURS.remove(created);
    }
  }
}
