package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ReadableStoreContract;
import io.github.composefs4j.core.testkit.UnreliableStore;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;

/** Unions of several kinds are stores like any other. */
class UnionContractTest {
  /** Objects spread over two stores, of which one may stall. */
  @Nested
  class Spread extends ReadableStoreContract {
    @Override
    protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) throws Exception {
      MemoryObjectStore first = new MemoryObjectStore(algorithm);
      MemoryObjectStore second = new MemoryObjectStore(algorithm);
      for (int i = 0; i < contents.size(); i++) {
        (i % 2 == 0 ? first : second).put(contents.get(i));
      }
      return new UnionObjectStore(
          List.of(
              new UnionObjectStore.Member("first", first, false),
              new UnionObjectStore.Member("second", second, true)),
          UnionOptions.defaults());
    }
  }

  /** The first store has everything, and everything is wrong. */
  @Nested
  class Damaged extends ReadableStoreContract {
    @Override
    protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) throws Exception {
      MemoryObjectStore sound = new MemoryObjectStore(algorithm);
      contents.forEach(sound::put);
      UnreliableStore damaged = new UnreliableStore(sound);
      damaged.damage(_ -> true);
      return new UnionObjectStore(
          List.of(
              new UnionObjectStore.Member("damaged", damaged, true),
              new UnionObjectStore.Member("sound", sound, true)),
          UnionOptions.defaults());
    }
  }

  /** What is read is copied on the way. */
  @Nested
  class Promoting extends ReadableStoreContract {
    private final List<LocalObjectStore> opened = new ArrayList<>();

    @Override
    protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) throws Exception {
      MemoryObjectStore sound = new MemoryObjectStore(algorithm);
      contents.forEach(sound::put);
      LocalObjectStore local =
          LocalObjectStore.open(
              Platform.portable(), directory.resolve("local-" + opened.size()), algorithm);
      opened.add(local);
      return new UnionObjectStore(
          List.of(
              new UnionObjectStore.Member("local", local, false),
              new UnionObjectStore.Member("far", sound, true)),
          UnionOptions.defaults().withPromotion(local));
    }
  }
}
