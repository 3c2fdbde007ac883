package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * An image as a file system: read-only, the tree that a mount of it shows. Thread-safe. Closing it
 * closes the image, and the channels that are open on it.
 *
 * <p>Comes from {@link java.nio.file.FileSystems#newFileSystem(Path, java.util.Map)}, or from
 * {@link #of}.
 */
public final class ComposefsFileSystem extends FileSystem {
  private static final AtomicLong DEVICES = new AtomicLong();

  private final ComposefsFileSystemProvider provider;
  private final ErofsImage image;
  private final ImageContents contents;
  private final @Nullable URI uri;
  private final ImageFileStore store;
  private final PathResolver resolver;
  private final ComposefsPath root;
  private final long device = DEVICES.incrementAndGet();

  /** What closes with this; guarded by itself, as is {@link #open}. */
  private final Set<Closeable> resources = new HashSet<>();

  private volatile boolean open = true;

  ComposefsFileSystem(
      ComposefsFileSystemProvider provider,
      ErofsImage image,
      ImageContents contents,
      Optional<Digest> digest,
      @Nullable URI uri,
      List<? extends Closeable> owned) {
    this.provider = provider;
    this.image = image;
    this.contents = contents;
    this.uri = uri;
    this.store = new ImageFileStore(image, digest);
    this.resolver = new PathResolver(image);
    this.root = ComposefsPath.of(this, new byte[] {'/'});
    resources.add(image);
    resources.addAll(owned);
  }

  /**
   * {@return a file system over an open image, which it owns}
   *
   * @param contents where files' contents come from; stays open
   */
  public static ComposefsFileSystem of(ErofsImage image, ImageContents contents) {
    return new ComposefsFileSystem(
        ComposefsFileSystemProvider.instance(), image, contents, Optional.empty(), null, List.of());
  }

  /** {@return the image} It is closed with this file system. */
  public ErofsImage image() {
    return image;
  }

  /**
   * {@return each distinct content of the image's files once, for scanners} Two files are the same
   * content if their digests are; symlinks, directories and devices have none. In depth-first
   * order; failures are {@link java.io.UncheckedIOException}s.
   */
  public Stream<DistinctContent> contents() {
    requireOpen();
    return StreamSupport.stream(new ContentWalk(this), false);
  }

  static boolean follows(LinkOption... options) {
    return !Arrays.asList(options).contains(LinkOption.NOFOLLOW_LINKS);
  }

  /** {@return what callers of {@code java.nio.file} expect, with the failure behind it} */
  static FileSystemException failure(String path, ComposefsException e) {
    FileSystemException failure = new FileSystemException(path, null, e.getMessage());
    failure.initCause(e);
    return failure;
  }

  void requireOpen() {
    if (!open) {
      throw new ClosedFileSystemException();
    }
  }

  PathResolver resolver() {
    requireOpen();
    return resolver;
  }

  /** {@return the inode that a path leads to; what is wrong with the image names the path} */
  ImageInode resolve(ComposefsPath path, boolean follow) throws IOException {
    try {
      return resolver().resolve(path, follow);
    } catch (ComposefsException e) {
      throw failure(path.toString(), e);
    }
  }

  ComposefsPath root() {
    return root;
  }

  long device() {
    return device;
  }

  ImageFileStore store() {
    return store;
  }

  DirectoryStream<Path> list(ComposefsPath path, DirectoryStream.Filter<? super Path> filter)
      throws IOException {
    ImageInode directory;
    try {
      directory = resolve(path, true);
    } catch (FileSystemException e) {
      throw PathResolver.NO_DIRECTORY.equals(e.getReason())
          ? new NotDirectoryException(path.toString())
          : e;
    }
    if (!directory.isDirectory()) {
      throw new NotDirectoryException(path.toString());
    }
    return new ImageDirectoryStream(path, directory.entries(), filter);
  }

  ObjectChannel openFile(ComposefsPath path, boolean follow) throws IOException {
    ImageInode inode = resolve(path, follow);
    if (inode.isSymlink()) {
      throw new FileSystemException(
          path.toString(), null, "Too many levels of symbolic links (NOFOLLOW_LINKS specified)");
    }
    if (!inode.isRegular()) {
      throw new FileSystemException(
          path.toString(),
          null,
          inode.isDirectory() ? "Is a directory" : "neither a regular file nor a directory");
    }
    try {
      // What closes with the file system is known by a handle, since the channel is not there yet.
      Opened handle = new Opened();
      ObjectChannel channel =
          new ObjectChannel(
              contents.open(inode), inode.size(), path.toString(), () -> forget(handle));
      handle.channel = channel;
      synchronized (resources) {
        if (open) {
          resources.add(handle);
          return channel;
        }
      }
      channel.close();
      throw new ClosedFileSystemException();
    } catch (ComposefsException e) {
      throw failure(path.toString(), e);
    }
  }

  private static final class Opened implements Closeable {
    private @Nullable ObjectChannel channel;

    @Override
    public void close() throws IOException {
      if (channel != null) {
        channel.close();
      }
    }
  }

  private void forget(Closeable handle) {
    synchronized (resources) {
      resources.remove(handle);
    }
  }

  /** {@return {@code composefs:IMAGE!/PATH} with the bytes of both percent-encoded} */
  URI uri(byte[] absolute) {
    return ImageUri.of(uri != null ? uri : URI.create("file:///"), absolute);
  }

  @Nullable URI uri() {
    return uri;
  }

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  @Override
  public void close() throws IOException {
    List<Closeable> closing;
    synchronized (resources) {
      if (!open) {
        return;
      }
      open = false;
      closing = new ArrayList<>(resources);
    }
    provider.forget(this);
    IOException failure = null;
    for (Closeable each : closing) {
      try {
        each.close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public boolean isReadOnly() {
    return true;
  }

  @Override
  public String getSeparator() {
    return "/";
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return List.of(root);
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return List.of(store);
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return AttributeViews.NAMES;
  }

  /**
   * {@inheritDoc}
   *
   * <p>A byte <i>b</i> that is not UTF-8 is written as the surrogate U+DC00 + <i>b</i>: {@code
   * getPath(path.toString())} is {@code path} for every name.
   */
  @Override
  public Path getPath(String first, String... more) {
    StringBuilder text = new StringBuilder(first);
    for (String part : more) {
      if (!part.isEmpty()) {
        text.append(text.isEmpty() ? "" : "/").append(part);
      }
    }
    return ComposefsPath.of(this, text.toString());
  }

  @Override
  public PathMatcher getPathMatcher(String syntaxAndPattern) {
    int colon = syntaxAndPattern.indexOf(':');
    if (colon <= 0) {
      throw new IllegalArgumentException("neither glob: nor regex: " + syntaxAndPattern);
    }
    String pattern = syntaxAndPattern.substring(colon + 1);
    Pattern compiled =
        switch (syntaxAndPattern.substring(0, colon).toLowerCase(java.util.Locale.ROOT)) {
          case "glob" -> Pattern.compile(Globs.toRegex(pattern), Pattern.DOTALL);
          case "regex" -> Pattern.compile(pattern);
          default ->
              throw new UnsupportedOperationException(
                  "Syntax '" + syntaxAndPattern.substring(0, colon) + "' not recognized");
        };
    return path -> compiled.matcher(path.toString()).matches();
  }

  /** {@return a service that knows numbers only} */
  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    return new NumericPrincipal.Lookup();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException("an image never changes");
  }

  @Override
  public String toString() {
    return image.name();
  }
}
