package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ReadableStoreContract;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.nio.file.Path;
import java.util.List;

class LocalObjectStoreReadTest extends ReadableStoreContract {
  @Override
  protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) throws Exception {
    Path objects = directory.resolve("objects-" + algorithm);
    LocalObjectStore store = LocalObjectStore.open(Platform.portable(), objects, algorithm);
    ObjectWorker worker = new ObjectWorker(algorithm);
    for (byte[] content : contents) {
      store.put(content, worker);
    }
    return store;
  }
}
