package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A store that is opened when it is first asked. Thread-safe. */
final class LazyStore implements ObjectStore {
  private final HashAlgorithm algorithm;
  private final UnionObjectStore.Member.Opener opener;
  private @Nullable ObjectStore store;
  private boolean closed;

  LazyStore(HashAlgorithm algorithm, UnionObjectStore.Member.Opener opener) {
    this.algorithm = algorithm;
    this.opener = opener;
  }

  /** Opened outside of the lock: while that takes, nobody else should be stuck. */
  private ObjectStore store() throws IOException {
    ObjectStore known = current();
    if (known != null) {
      return known;
    }
    return keep(opener.open());
  }

  private synchronized @Nullable ObjectStore current() {
    return store;
  }

  private synchronized ObjectStore keep(ObjectStore opened) throws IOException {
    if (closed) {
      opened.close();
      throw new IOException("the union is closed");
    }
    ObjectStore known = store;
    if (known != null) {
      opened.close(); // another thread was faster
      return known;
    }
    store = opened;
    return opened;
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    return store().open(digest);
  }

  @Override
  public ObjectReader openPath(byte[] path) throws IOException {
    return store().openPath(path);
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    return store().present(digests);
  }

  /** Of a store that was not opened yet, none. */
  @Override
  public Optional<Path> directory() {
    ObjectStore known = current();
    return known == null ? Optional.empty() : known.directory();
  }

  @Override
  public void close() throws IOException {
    ObjectStore known;
    synchronized (this) {
      closed = true;
      known = store;
    }
    if (known != null) {
      known.close();
    }
  }
}
