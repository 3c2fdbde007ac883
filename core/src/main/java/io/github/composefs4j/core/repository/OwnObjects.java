package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/** The objects in a repository's directory, for reading, as long as the repository is open. */
record OwnObjects(Repository repository) implements ObjectStore {
  @Override
  public HashAlgorithm algorithm() {
    return repository.algorithm();
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    return ObjectReader.of(repository.openObject(digest));
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, repository.root().fileSize(Repository.objectPath(digests.get(i))) >= 0);
    }
    return present;
  }

  @Override
  public Optional<Path> directory() {
    return Optional.of(repository.objectsPath());
  }

  /** Nothing: the repository is closed by its owner. */
  @Override
  public void close() {}
}
