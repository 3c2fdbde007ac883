package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ObjectStoreContract;

class LinuxObjectStoreTest extends ObjectStoreContract {
  @Override
  protected Platform platform() {
    return new LinuxPlatform();
  }
}
