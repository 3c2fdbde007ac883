package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.repository.OpenOptions.Security;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Opening repositories: checked, and upgraded if they are old (repository.md, 3.8, 3.9). */
final class RepositoryOpening {
  private RepositoryOpening() {}

  static Repository open(Platform platform, Path path, OpenOptions options) throws IOException {
    StoreDirectory root = openDirectory(platform, path);
    HandleLock lock = null;
    try {
      lock = new HandleLock(root, platform, options.waiting());
      boolean upgrade = options.upgrade() && lock.exists();
      MetadataFile.Loaded loaded = lock.reading(() -> load(root, path, options, upgrade));
      HashAlgorithm algorithm = loaded.metadata().config().algorithm();
      requireAlgorithm(path, options.expected(), algorithm);
      requireSecure(path, options, loaded.isSecure(algorithm));
      return new Repository(platform, path, root, lock, options, loaded);
    } catch (IOException | RuntimeException e) {
      if (lock != null) {
        lock.close();
      }
      root.close();
      throw e;
    }
  }

  private static StoreDirectory openDirectory(Platform platform, Path path) throws IOException {
    try {
      return platform.openExistingStore(path);
    } catch (NoSuchFileException e) {
      throw new RepositoryException(Reason.MISSING, path + ": not a repository: no such directory");
    } catch (NotDirectoryException e) {
      throw new RepositoryException(Reason.MISSING, path + ": not a repository: not a directory");
    }
  }

  private static MetadataFile.Loaded load(
      StoreDirectory root, Path path, OpenOptions options, boolean upgrade) throws IOException {
    MetadataFile.Loaded loaded = MetadataFile.load(root);
    if (loaded == null && upgrade && MetadataFile.hasObjects(root)) {
      MetadataFile.Inferred old = MetadataFile.infer(root);
      if (old == null) {
        throw new RepositoryException(
            Reason.OLD_FORMAT,
            path + ": no meta.json, and no object that would tell what repository it is");
      }
      requireAlgorithm(path, options.expected(), old.algorithm());
      requireSecure(path, options, old.secure());
      MetadataFile.write(root, old.metadata(null), old.secure(), false);
      loaded = MetadataFile.load(root);
    }
    if (loaded == null) {
      throw MetadataFile.missing(root, path.toString());
    }
    return loaded;
  }

  private static void requireAlgorithm(
      Path path, @Nullable HashAlgorithm expected, HashAlgorithm actual)
      throws RepositoryException {
    if (expected != null && expected != actual) {
      throw new RepositoryException(
          Reason.ALGORITHM_MISMATCH,
          path + ": is a repository of " + actual.label() + ", not of " + expected.label());
    }
  }

  private static void requireSecure(Path path, OpenOptions options, boolean secure)
      throws RepositoryException {
    if (options.security() == Security.REQUIRED && !secure) {
      throw new RepositoryException(
          Reason.NOT_SECURE, path + ": is insecure: its meta.json has no fs-verity");
    }
  }
}
