package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ObjectStoreContract;

class PortableObjectStoreTest extends ObjectStoreContract {
  @Override
  protected Platform platform() {
    return Platform.portable();
  }
}
