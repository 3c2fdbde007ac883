package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Objects in memory: for content that is small or soon forgotten. Thread-safe. */
public final class MemoryObjectStore implements ObjectStore {
  private final HashAlgorithm algorithm;
  private final Map<Digest, byte[]> objects = new ConcurrentHashMap<>();

  /** An empty store. */
  public MemoryObjectStore(HashAlgorithm algorithm) {
    this.algorithm = algorithm;
  }

  /** Stores a copy of these bytes. {@return their digest} */
  public Digest put(byte[] content) {
    Digest digest = VerityHasher.digest(algorithm, content);
    objects.putIfAbsent(digest, content.clone());
    return digest;
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  @Override
  public ObjectReader open(Digest digest) throws MissingObjectException {
    byte[] content = objects.get(digest);
    if (content == null) {
      throw new MissingObjectException(digest.hex(), "memory");
    }
    return new ObjectReader() {
      @Override
      public long size() {
        return content.length;
      }

      @Override
      public int read(long position, byte[] into, int offset, int length) {
        int count = (int) Math.max(0, Math.min(length, content.length - position));
        if (count > 0) {
          System.arraycopy(content, (int) position, into, offset, count);
        }
        return count;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public BitSet present(List<Digest> digests) {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, objects.containsKey(digests.get(i)));
    }
    return present;
  }

  @Override
  public void close() {}
}
