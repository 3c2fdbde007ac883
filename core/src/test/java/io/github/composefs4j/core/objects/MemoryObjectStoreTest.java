package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.testkit.ReadableStoreContract;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.util.List;

class MemoryObjectStoreTest extends ReadableStoreContract {
  @Override
  protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) {
    MemoryObjectStore store = new MemoryObjectStore(algorithm);
    contents.forEach(store::put);
    return store;
  }
}
