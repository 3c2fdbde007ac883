package io.github.composefs4j.core.spi;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;

/** What core asks of the operating system. Thread-safe. */
public interface Platform {
  /** {@return a short name for messages, such as {@code linux}} */
  String name();

  /**
   * {@return what this platform cannot see or do, one plain sentence each; empty if it misses
   * nothing}
   */
  List<String> limitations();

  /**
   * {@return whether this platform works here; a provider that needs what is missing or denied
   * answers false}
   */
  boolean isAvailable();

  /**
   * {@return the directory at {@code path}} A symlink there is not followed, unless the path was
   * given with a slash at its end.
   *
   * @param followed whether to follow a symlink
   */
  HostDirectory openDirectory(Path path, boolean followed) throws IOException;

  /** {@return the regular file at {@code path}, symlinks followed, opened for reading} */
  default HostFile openFile(Path path) throws IOException {
    Path real = path.toRealPath();
    Path parent = real.getParent();
    if (parent == null) {
      throw new FileSystemException(path.toString(), null, "not a regular file");
    }
    try (HostDirectory directory = openDirectory(parent, true)) {
      return directory.openFile(RawPath.nameOf(real));
    }
  }

  /**
   * {@return the directory at {@code path}, to write a tree into; made if it is missing}
   *
   * @throws UnsupportedOperationException if this platform cannot write trees with all metadata
   */
  default TargetDirectory openTarget(Path path) throws IOException {
    throw new UnsupportedOperationException(
        "the " + name() + " platform cannot write trees with all their metadata");
  }

  /**
   * {@return the directory at {@code path} to write to, made with its parents if it is missing,
   * with mode 0755 less the umask}
   */
  StoreDirectory openStore(Path path) throws IOException;

  /**
   * {@return the directory at {@code path}, which must be there}
   *
   * @throws java.nio.file.NoSuchFileException if there is nothing
   */
  StoreDirectory openExistingStore(Path path) throws IOException;

  /** {@return the platform of {@code java.nio.file}, which works everywhere} */
  static Platform portable() {
    return new PortablePlatform();
  }

  /** {@return the first available provider, otherwise the portable platform} */
  static Platform best() {
    for (Platform platform : ServiceLoader.load(Platform.class)) {
      if (platform.isAvailable()) {
        return platform;
      }
    }
    return portable();
  }
}
