package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * An object directory that is only read: somebody else's, or on a medium that cannot be written.
 * Thread-safe.
 */
public final class ReadOnlyObjectStore implements ObjectStore {
  private final Path path;
  private final StoreDirectory directory;
  private final HashAlgorithm algorithm;

  private ReadOnlyObjectStore(Path path, StoreDirectory directory, HashAlgorithm algorithm) {
    this.path = path;
    this.directory = directory;
    this.algorithm = algorithm;
  }

  /**
   * {@return the store in a directory}
   *
   * @throws NoSuchFileException if there is none
   */
  public static ReadOnlyObjectStore open(Platform platform, Path path, HashAlgorithm algorithm)
      throws IOException {
    return new ReadOnlyObjectStore(path, platform.openExistingStore(path), algorithm);
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    try {
      return ObjectReader.of(directory.open(digest.objectPath()));
    } catch (NoSuchFileException e) {
      throw new MissingObjectException(digest.hex(), path.toString());
    }
  }

  @Override
  public ObjectReader openPath(byte[] below) throws IOException {
    try {
      if (!LocalObjectStore.leadsOut(below)) {
        return ObjectReader.of(directory.open(below));
      }
    } catch (NoSuchFileException e) {
      // said below
    }
    throw new MissingObjectException(FileName.printable(below), path.toString());
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, directory.fileSize(digests.get(i).objectPath()) >= 0);
    }
    return present;
  }

  @Override
  public Optional<Path> directory() {
    return Optional.of(path);
  }

  @Override
  public void close() throws IOException {
    directory.close();
  }
}
