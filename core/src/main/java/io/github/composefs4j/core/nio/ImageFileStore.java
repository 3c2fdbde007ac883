package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.verity.Digest;
import java.nio.file.FileStore;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileOwnerAttributeView;
import java.nio.file.attribute.FileStoreAttributeView;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The image as a store. Its attributes: {@code composefs:version} and {@code composefs:inodes},
 * numbers, and {@code composefs:digest}, hex, empty if nobody said it.
 */
final class ImageFileStore extends FileStore {
  private static final Set<Class<? extends FileAttributeView>> VIEWS =
      Set.of(
          BasicFileAttributeView.class,
          FileOwnerAttributeView.class,
          PosixFileAttributeView.class,
          UserDefinedFileAttributeView.class,
          XattrView.class);

  private final ErofsImage image;
  private final Optional<Digest> digest;

  ImageFileStore(ErofsImage image, Optional<Digest> digest) {
    this.image = image;
    this.digest = digest;
  }

  @Override
  public String name() {
    return image.name();
  }

  @Override
  public String type() {
    return "composefs";
  }

  @Override
  public boolean isReadOnly() {
    return true;
  }

  /** {@return the size of the image itself; objects are shared with others} */
  @Override
  public long getTotalSpace() {
    return image.size();
  }

  @Override
  public long getUsableSpace() {
    return 0;
  }

  @Override
  public long getUnallocatedSpace() {
    return 0;
  }

  @Override
  public long getBlockSize() {
    return 4096;
  }

  @Override
  public boolean supportsFileAttributeView(Class<? extends FileAttributeView> type) {
    return VIEWS.contains(type);
  }

  @Override
  public boolean supportsFileAttributeView(String name) {
    return AttributeViews.NAMES.contains(name);
  }

  @Override
  public <V extends FileStoreAttributeView> @Nullable V getFileStoreAttributeView(Class<V> type) {
    return null;
  }

  @Override
  public Object getAttribute(String attribute) {
    return switch (attribute) {
      case "totalSpace" -> getTotalSpace();
      case "usableSpace" -> getUsableSpace();
      case "unallocatedSpace" -> getUnallocatedSpace();
      case "composefs:version" -> image.version().number();
      case "composefs:inodes" -> image.inodes();
      case "composefs:digest" -> digest.map(Digest::hex).orElse("");
      default -> throw new UnsupportedOperationException("'" + attribute + "' not recognized");
    };
  }

  @Override
  public String toString() {
    return name();
  }
}
