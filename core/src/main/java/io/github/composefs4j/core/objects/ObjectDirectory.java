package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The directory of a store, which is made for the first object. Thread-safe. */
final class ObjectDirectory implements Closeable {
  private final Platform platform;
  private final Path path;

  /** Null as long as there is no directory. */
  private volatile @Nullable StoreDirectory directory;

  ObjectDirectory(Platform platform, Path path) {
    this.platform = platform;
    this.path = path;
  }

  Path path() {
    return path;
  }

  /** {@return the directory, made if it is not there} */
  StoreDirectory made() throws IOException {
    StoreDirectory made = existing();
    return made != null ? made : make();
  }

  private synchronized StoreDirectory make() throws IOException {
    StoreDirectory made = directory;
    if (made == null) {
      made = platform.openStore(path);
      directory = made;
    }
    return made;
  }

  /** {@return the directory, which another process may have made meanwhile, or null} */
  @Nullable StoreDirectory existing() throws IOException {
    StoreDirectory made = directory;
    return made != null ? made : openExisting();
  }

  private synchronized @Nullable StoreDirectory openExisting() throws IOException {
    if (directory == null) {
      try {
        directory = platform.openExistingStore(path);
      } catch (NoSuchFileException e) {
        return null;
      }
    }
    return directory;
  }

  /** {@return the size of the file under the digest's name, or a negative number} */
  long fileSize(Digest digest) throws IOException {
    StoreDirectory made = existing();
    return made == null ? StoreDirectory.ABSENT : made.fileSize(digest.objectPath());
  }

  void sync() throws IOException {
    StoreDirectory made = directory;
    if (made != null) {
      made.sync();
    }
  }

  @Override
  public void close() throws IOException {
    StoreDirectory made = directory;
    if (made != null) {
      made.close();
    }
  }
}
