package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A directory that is written to, by path. No lock, no fs-verity, nothing durable. */
record PortableStore(Path directory) implements StoreDirectory {
  private Path resolve(byte[] path) {
    return path.length == 1 && path[0] == '.'
        ? directory
        : PortablePlatform.resolve(directory, path);
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
        sink.accept(PortablePlatform.name(child), type(child));
      }
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static Type type(Path child) {
    if (Files.isSymbolicLink(child)) {
      return Type.SYMLINK;
    }
    if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
      return Type.DIRECTORY;
    }
    return Files.isRegularFile(child, LinkOption.NOFOLLOW_LINKS) ? Type.FILE : Type.OTHER;
  }

  @Override
  public byte @Nullable [] readLink(byte[] path) throws IOException {
    try {
      return PortablePlatform.linkText(resolve(path));
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
      Files.createDirectory(resolve(path));
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
  public Optional<Digest> measure(HostFile file) {
    return Optional.empty();
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
    return new PortableTemporary(directory, Files.createTempFile(directory, ".tmp", ""));
  }

  @Override
  public void sync() {}

  @Override
  public void close() {}

  private static final class PortableTemporary implements StoreDirectory.TemporaryFile {
    private final Path directory;
    private final FileChannel channel;
    private @Nullable Path file;

    PortableTemporary(Path directory, Path file) throws IOException {
      this.directory = directory;
      this.file = file;
      this.channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
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
      Path target = PortablePlatform.resolve(directory, path);
      Path parent = target.getParent();
      if (parent != null) {
        Files.createDirectories(parent);
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
      channel.close();
      if (file != null) {
        Files.deleteIfExists(file);
      }
    }
  }
}
