package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Making repositories: {@code init}, ensuring, upgrading, resetting (repository.md, 3.5, 3.9). */
final class RepositorySetup {
  private RepositorySetup() {}

  static Repository.Initialized init(
      Platform platform, Path path, RepositoryConfig config, Repository.InitOptions options)
      throws IOException {
    makeDirectory(path);
    try (StoreDirectory root = platform.openExistingStore(path)) {
      try (HandleLock lock = new HandleLock(root, platform, options.waiting())) {
        if (!lock.exists()) {
          throw lock.missing();
        }
        if (options.reset()) {
          try (RepositoryLock.Held _ = lock.exclusive(options.waiting())) {
            requireAlgorithm(root, path, config);
            reset(root, config, options);
            return write(root, path, config, options);
          }
        }
        return lock.reading(() -> write(root, path, config, options));
      }
    }
  }

  private static void makeDirectory(Path path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    try {
      boolean posix =
          parent != null && Files.getFileStore(parent).supportsFileAttributeView("posix");
      if (posix) {
        Files.createDirectory(
            path,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } else {
        Files.createDirectory(path);
      }
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(path)) {
        throw e;
      }
    }
  }

  /**
   * {@return what the objects tell, which must not be of another algorithm; null if there are none}
   */
  private static MetadataFile.@Nullable Inferred requireAlgorithm(
      StoreDirectory root, Path path, RepositoryConfig config) throws IOException {
    MetadataFile.Inferred old = MetadataFile.hasObjects(root) ? MetadataFile.infer(root) : null;
    if (old != null && old.algorithm() != config.algorithm()) {
      throw new RepositoryException(
          Reason.ALGORITHM_MISMATCH,
          path
              + ": has objects of "
              + old.algorithm().label()
              + ", not of "
              + config.algorithm().label());
    }
    return old;
  }

  private static Repository.Initialized write(
      StoreDirectory root, Path path, RepositoryConfig config, Repository.InitOptions options)
      throws IOException {
    MetadataFile.Loaded there = MetadataFile.load(root);
    if (there == null) {
      MetadataFile.Inferred old = requireAlgorithm(root, path, config);
      if (old != null && options.ensure() && !options.reset()) {
        MetadataFile.write(root, old.metadata(null), old.secure(), false);
        return Repository.Initialized.UPGRADED;
      }
      requireWritable(root, path);
      if (MetadataFile.write(root, Metadata.of(config), options.secure(), false)) {
        root.sync(); // the directory itself too, and what was made above it
        return Repository.Initialized.CREATED;
      }
      there = MetadataFile.load(root); // somebody was faster
    }
    if (there == null) {
      throw MetadataFile.missing(root, path.toString());
    }
    RepositoryConfig present = there.metadata().config();
    if (options.ensure()) {
      if (present.algorithm() != config.algorithm()) {
        throw new RepositoryException(
            Reason.ALGORITHM_MISMATCH,
            path
                + ": is a repository of "
                + present.algorithm().label()
                + ", not of "
                + config.algorithm().label());
      }
    } else if (!present.equals(config)) {
      throw new RepositoryException(
          Reason.ALREADY_INITIALIZED,
          path
              + ": is a repository with another configuration: "
              + present
              + " instead of "
              + config);
    }
    return Repository.Initialized.ALREADY;
  }

  static void requireWritable(StoreDirectory root, Path path) throws IOException {
    if (!root.isWritable()) {
      throw new RepositoryException(Reason.NOT_WRITABLE, path + ": is not writable");
    }
  }

  /** Checks first, then removes all names, then {@code meta.json}; objects stay. */
  private static void reset(
      StoreDirectory root, RepositoryConfig config, Repository.InitOptions options)
      throws IOException {
    if (!root.isWritable()) {
      throw new RepositoryException(Reason.NOT_WRITABLE, "the repository is not writable");
    }
    MetadataFile.Loaded there;
    try {
      there = MetadataFile.load(root);
    } catch (RepositoryException e) {
      there = null; // what cannot be read is what a reset is for
    }
    if (options.ensure() && there != null) {
      RepositoryConfig present = there.metadata().config();
      if (present.algorithm() != config.algorithm()) {
        throw new RepositoryException(
            Reason.ALGORITHM_MISMATCH,
            "the repository is one of "
                + present.algorithm().label()
                + ", not of "
                + config.algorithm().label());
      }
    }
    removeTree(root, Category.STREAMS.directory(), 0);
    removeTree(root, Category.IMAGES.directory(), 0);
    root.syncDirectory(StoreDirectory.self());
    root.remove(FileName.encode("meta.json"));
    root.syncDirectory(StoreDirectory.self());
  }

  private static void removeTree(StoreDirectory root, String path, int depth) throws IOException {
    List<String> directories = new ArrayList<>();
    List<String> others = new ArrayList<>();
    boolean there =
        root.list(
            FileName.encode(path),
            (name, type) ->
                (type == EntryType.DIRECTORY ? directories : others)
                    .add(path + "/" + FileName.decode(name)));
    if (!there) {
      return;
    }
    if (depth > 256) {
      throw new IOException(path + ": nested too deep");
    }
    for (String each : others) {
      root.remove(FileName.encode(each));
    }
    for (String each : directories) {
      removeTree(root, each, depth + 1);
    }
    root.removeDirectory(FileName.encode(path));
  }
}
