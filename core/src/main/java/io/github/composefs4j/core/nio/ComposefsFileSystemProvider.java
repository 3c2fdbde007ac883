package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.errors.ComposefsException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemAlreadyExistsException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotLinkException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.spi.FileSystemProvider;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Opens images as file systems; see the package's page. Thread-safe. */
public final class ComposefsFileSystemProvider extends FileSystemProvider {
  private static final int MAGIC = 0xd078629a;

  /** By the URI of the image's real path; guarded by itself. */
  private final Map<URI, ComposefsFileSystem> byImage = new HashMap<>();

  /** For {@link java.util.ServiceLoader}. */
  public ComposefsFileSystemProvider() {}

  /** {@return the installed provider, or one of its own where it is not installed} */
  static ComposefsFileSystemProvider instance() {
    for (FileSystemProvider each : FileSystemProvider.installedProviders()) {
      if (each instanceof ComposefsFileSystemProvider provider) {
        return provider;
      }
    }
    return new ComposefsFileSystemProvider();
  }

  @Override
  public String getScheme() {
    return "composefs";
  }

  /**
   * {@inheritDoc}
   *
   * @throws FileSystemAlreadyExistsException if the image is open by its URI
   * @throws IllegalArgumentException if the URI or a value in {@code env} is none
   */
  @Override
  public FileSystem newFileSystem(URI uri, Map<String, ?> env) throws IOException {
    Path image = ImageUri.parse(uri).file().toRealPath();
    synchronized (byImage) {
      if (byImage.containsKey(image.toUri())) {
        throw new FileSystemAlreadyExistsException(image.toString());
      }
      ComposefsFileSystem opened = new ImageSettings(image, env).open(this, image.toUri());
      byImage.put(image.toUri(), opened);
      return opened;
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws UnsupportedOperationException if the file is no composefs image: another provider may
   *     know it
   * @throws IllegalArgumentException if a value in {@code env} is none
   */
  @Override
  public FileSystem newFileSystem(Path image, Map<String, ?> env) throws IOException {
    if (!isImage(image)) {
      throw new UnsupportedOperationException(image + " is no composefs image");
    }
    return new ImageSettings(image, env).open(this, image.toRealPath().toUri());
  }

  private static boolean isImage(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      return false;
    }
    ByteBuffer start = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    try (SeekableByteChannel channel = Files.newByteChannel(path)) {
      while (start.hasRemaining() && channel.read(start) >= 0) {}
    }
    return !start.hasRemaining() && start.getInt(0) == MAGIC;
  }

  @Override
  public FileSystem getFileSystem(URI uri) {
    ImageUri parsed = ImageUri.parse(uri);
    URI real;
    try {
      real = parsed.file().toRealPath().toUri();
    } catch (IOException e) {
      real = parsed.image();
    }
    synchronized (byImage) {
      ComposefsFileSystem known = byImage.get(real);
      if (known == null) {
        throw new FileSystemNotFoundException(uri.toString());
      }
      return known;
    }
  }

  void forget(ComposefsFileSystem closed) {
    synchronized (byImage) {
      byImage.remove(closed.uri(), closed);
    }
  }

  @Override
  public Path getPath(URI uri) {
    ComposefsFileSystem fileSystem = (ComposefsFileSystem) getFileSystem(uri);
    return ComposefsPath.of(fileSystem, ImageUri.parse(uri).path());
  }

  private static ImageInode resolve(Path path, boolean follow) throws IOException {
    ComposefsPath mine = ComposefsPath.of(path);
    return mine.getFileSystem().resolve(mine, follow);
  }

  @Override
  public SeekableByteChannel newByteChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attrs) throws IOException {
    return newFileChannel(path, options, attrs);
  }

  @Override
  public FileChannel newFileChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attrs) throws IOException {
    ComposefsPath mine = ComposefsPath.of(path);
    boolean follow = true;
    for (OpenOption option : options) {
      switch (option) {
        case StandardOpenOption.READ,
            StandardOpenOption.SPARSE,
            StandardOpenOption.SYNC,
            StandardOpenOption.DSYNC,
            StandardOpenOption.TRUNCATE_EXISTING -> {}
        case LinkOption.NOFOLLOW_LINKS -> follow = false;
        case StandardOpenOption _ -> throw new ReadOnlyFileSystemException();
        case null -> throw new NullPointerException();
        default -> throw new UnsupportedOperationException(option + " not supported");
      }
    }
    return mine.getFileSystem().openFile(mine, follow);
  }

  @Override
  public InputStream newInputStream(Path path, OpenOption... options) throws IOException {
    for (OpenOption option : options) {
      if (option == StandardOpenOption.WRITE || option == StandardOpenOption.APPEND) {
        throw new UnsupportedOperationException("'" + option + "' not allowed");
      }
    }
    return java.nio.channels.Channels.newInputStream(newFileChannel(path, Set.of(options)));
  }

  @Override
  public DirectoryStream<Path> newDirectoryStream(
      Path directory, DirectoryStream.Filter<? super Path> filter) throws IOException {
    ComposefsPath mine = ComposefsPath.of(directory);
    return mine.getFileSystem().list(mine, filter);
  }

  @Override
  public Path readSymbolicLink(Path link) throws IOException {
    ComposefsPath mine = ComposefsPath.of(link);
    ImageInode inode = mine.getFileSystem().resolve(mine, false);
    if (!inode.isSymlink()) {
      throw new NotLinkException(link.toString());
    }
    try {
      return ComposefsPath.of(mine.getFileSystem(), inode.target());
    } catch (ComposefsException e) {
      throw ComposefsFileSystem.failure(link.toString(), e);
    }
  }

  @Override
  public boolean isSameFile(Path path, Path other) throws IOException {
    ComposefsPath mine = ComposefsPath.of(path);
    if (mine.equals(other)) {
      return true;
    }
    if (!(other instanceof ComposefsPath that) || that.getFileSystem() != mine.getFileSystem()) {
      return false;
    }
    return resolve(mine, true).nid() == resolve(that, true).nid();
  }

  @Override
  public boolean isHidden(Path path) {
    Path name = ComposefsPath.of(path).getFileName();
    return name != null && name.toString().startsWith(".");
  }

  @Override
  public FileStore getFileStore(Path path) throws IOException {
    resolve(path, true);
    return ComposefsPath.of(path).getFileSystem().store();
  }

  /** {@inheritDoc} Everything may be read; nobody may write. */
  @Override
  public void checkAccess(Path path, AccessMode... modes) throws IOException {
    ImageInode inode = resolve(path, true);
    for (AccessMode mode : modes) {
      if (mode == AccessMode.WRITE) {
        throw new AccessDeniedException(path.toString(), null, "Read-only file system");
      }
      if (mode == AccessMode.EXECUTE && (inode.mode() & 0111) == 0) {
        throw new AccessDeniedException(path.toString());
      }
    }
  }

  @Override
  public <V extends FileAttributeView> @Nullable V getFileAttributeView(
      Path path, Class<V> type, LinkOption... options) {
    ComposefsPath mine = ComposefsPath.of(path);
    boolean follow = ComposefsFileSystem.follows(options);
    return AttributeViews.of(
        type, mine.getFileSystem(), path.toString(), () -> resolve(mine, follow));
  }

  @Override
  public <A extends BasicFileAttributes> A readAttributes(
      Path path, Class<A> type, LinkOption... options) throws IOException {
    if (type != BasicFileAttributes.class && type != PosixFileAttributes.class) {
      throw new UnsupportedOperationException(type + " not supported");
    }
    ComposefsPath mine = ComposefsPath.of(path);
    ImageInode inode = resolve(mine, ComposefsFileSystem.follows(options));
    return type.cast(new InodeAttributes(mine.getFileSystem(), inode));
  }

  @Override
  public Map<String, Object> readAttributes(Path path, String names, LinkOption... options)
      throws IOException {
    ComposefsPath mine = ComposefsPath.of(path);
    ImageInode inode = resolve(mine, ComposefsFileSystem.follows(options));
    return AttributeViews.read(names, new InodeAttributes(mine.getFileSystem(), inode));
  }

  @Override
  public void setAttribute(Path path, String name, Object value, LinkOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  /**
   * {@inheritDoc}
   *
   * @throws FileAlreadyExistsException if the name is there, as with all that is mounted read-only:
   *     {@link Files#createDirectories} of a directory that is there does nothing
   */
  @Override
  public void createDirectory(Path directory, FileAttribute<?>... attrs) throws IOException {
    try {
      resolve(directory, false);
    } catch (NoSuchFileException e) {
      throw new ReadOnlyFileSystemException();
    }
    throw new FileAlreadyExistsException(directory.toString());
  }

  @Override
  public void createSymbolicLink(Path link, Path target, FileAttribute<?>... attrs) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void createLink(Path link, Path existing) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void delete(Path path) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void copy(Path source, Path target, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void move(Path source, Path target, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }
}
