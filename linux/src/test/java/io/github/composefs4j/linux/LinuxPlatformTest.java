package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.PlatformContract;

class LinuxPlatformTest extends PlatformContract {
  @Override
  protected Platform platform() {
    return new LinuxPlatform();
  }
}
