package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.verity.Digest;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Parts of objects and their trees, by digest: who finds one found what the digest promises. The
 * least recently used go first when the bytes exceed the bound. Thread-safe.
 */
final class BoundedCache<V> {
  /** What an entry costs beside its value: key, map node, array header, rounded up. */
  private static final int OVERHEAD = 160;

  /** A part of an object. Compared by hand: what a record is given is made anew in each process. */
  record Key(Digest digest, int level, long index) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Key key
          && index == key.index
          && level == key.level
          && digest.equals(key.digest);
    }

    @Override
    public int hashCode() {
      return digest.hashCode() + 31 * level + Long.hashCode(index) * 0x9e3779b1;
    }
  }

  private record Entry<V>(V value, long bytes) {}

  private final long most;
  private final LinkedHashMap<Key, Entry<V>> entries = new LinkedHashMap<>(64, 0.75f, true);
  private long bytes;

  BoundedCache(long most) {
    this.most = most;
  }

  synchronized @Nullable V get(Digest digest, int level, long index) {
    Entry<V> entry = entries.get(new Key(digest, level, index));
    return entry == null ? null : entry.value;
  }

  synchronized void put(Digest digest, int level, long index, V value, long size) {
    long cost = size + OVERHEAD;
    if (cost > most) {
      return;
    }
    Entry<V> old = entries.put(new Key(digest, level, index), new Entry<>(value, cost));
    bytes += cost - (old == null ? 0 : old.bytes);
    for (Iterator<Map.Entry<Key, Entry<V>>> i = entries.entrySet().iterator(); bytes > most; ) {
      bytes -= i.next().getValue().bytes;
      i.remove();
    }
  }

  synchronized long bytes() {
    return bytes;
  }
}
