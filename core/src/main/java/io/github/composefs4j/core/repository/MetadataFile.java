package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code meta.json} on disk: reading, writing, and what stands for it in old repositories. */
final class MetadataFile {
  private static final byte[] NAME = FileName.encode("meta.json");
  private static final byte[] OBJECTS = FileName.encode(Links.OBJECTS);

  private MetadataFile() {}

  /**
   * What was read.
   *
   * @param measured the file's own fs-verity digest: if there is one, the repository is secure
   */
  record Loaded(Metadata metadata, @Nullable Digest measured) {
    /** Checks that a secure repository has one algorithm throughout (3.7). */
    boolean isSecure(HashAlgorithm algorithm) throws RepositoryException {
      if (measured != null && measured.algorithm() != algorithm) {
        throw new RepositoryException(
            Reason.ALGORITHM_MISMATCH,
            "meta.json has fs-verity of " + measured.algorithm().label());
      }
      return measured != null;
    }
  }

  /** {@return what is there, or null if there is no {@code meta.json}} */
  static @Nullable Loaded load(StoreDirectory root) throws IOException {
    try (HostFile file = root.open(NAME)) {
      byte[] bytes = new byte[Metadata.SIZE_MAX + 1];
      int length = 0;
      int read;
      while ((read = file.read(length, bytes, length, bytes.length - length)) > 0) {
        length += read;
      }
      return new Loaded(
          Metadata.parse(Arrays.copyOf(bytes, length)), file.verityDigest().orElse(null));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** {@return the error that tells what is there instead of a repository} */
  static RepositoryException missing(StoreDirectory root, String path) throws IOException {
    return hasObjects(root)
        ? new RepositoryException(
            Reason.OLD_FORMAT, path + ": an old repository, without meta.json; it can be upgraded")
        : new RepositoryException(
            Reason.MISSING, path + ": not a repository: neither meta.json nor objects");
  }

  static boolean hasObjects(StoreDirectory root) throws IOException {
    HostStat stat = root.stat(OBJECTS);
    return stat != null && Links.isDirectory(stat);
  }

  /**
   * Writes the file, durable when this returns.
   *
   * @param secure whether it must have fs-verity, which makes the repository secure
   * @param replace whether to replace one that is there
   * @return false if there is one and {@code replace} is false
   */
  static boolean write(StoreDirectory root, Metadata metadata, boolean secure, boolean replace)
      throws IOException {
    HashAlgorithm algorithm = metadata.config().algorithm();
    try (TemporaryFile file = root.create()) {
      byte[] bytes = metadata.bytes();
      file.write(bytes, 0, bytes.length);
      file.sync();
      if (secure) {
        seal(file, algorithm);
      }
      if (!file.publish(NAME, replace)) {
        return false;
      }
    }
    root.syncDirectory(StoreDirectory.self());
    return true;
  }

  private static void seal(TemporaryFile file, HashAlgorithm algorithm) throws IOException {
    Optional<Digest> measured;
    try {
      measured = file.seal(algorithm, true);
    } catch (IOException e) {
      throw new RepositoryException(
          Reason.NOT_SECURE,
          "the file system cannot have fs-verity ("
              + e.getMessage()
              + "); use an insecure"
              + " repository here",
          e);
    }
    if (measured.isEmpty()) {
      throw new RepositoryException(Reason.NOT_SECURE, "fs-verity cannot be measured here");
    }
  }

  /** What an old repository is (3.9). */
  record Inferred(HashAlgorithm algorithm, boolean secure) {
    /** Only images of format 2 are in old repositories. */
    Metadata metadata(@Nullable FormatVersion format) {
      return Metadata.of(
          RepositoryConfig.of(algorithm, format == null ? FormatVersion.V2 : format));
    }
  }

  private static final class Sample extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient String path;

    Sample(String path) {
      super(path);
      this.path = path;
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this;
    }
  }

  /**
   * {@return what a repository without {@code meta.json} is, told by its first object; null if
   * there is none}
   */
  static @Nullable Inferred infer(StoreDirectory root) throws IOException {
    for (int i = 0; i < 256; i++) {
      String directory = Links.OBJECTS + "/" + hex(i);
      try {
        HostStat stat = root.stat(FileName.encode(directory));
        if (stat == null || !Links.isDirectory(stat)) {
          continue;
        }
        root.list(
            FileName.encode(directory),
            (name, type) -> {
              String text = FileName.decode(name);
              if (type == EntryType.FILE && algorithmOf(text) != null) {
                throw new Sample(directory + "/" + text);
              }
            });
      } catch (Sample found) {
        HashAlgorithm algorithm = algorithmOf(found.path.substring(directory.length() + 1));
        if (algorithm == null) {
          throw new IllegalStateException(found.path);
        }
        try (HostFile file = root.open(FileName.encode(found.path))) {
          Digest measured = file.verityDigest().orElse(null);
          return new Inferred(algorithm, measured != null && measured.algorithm() == algorithm);
        }
      }
    }
    return null;
  }

  static String hex(int value) {
    return Character.toString(Character.forDigit(value >> 4, 16))
        + Character.forDigit(value & 15, 16);
  }

  private static @Nullable HashAlgorithm algorithmOf(String rest) {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      if (rest.length() == 2 * algorithm.size() - 2 && Links.isHex(rest)) {
        return algorithm;
      }
    }
    return null;
  }
}
