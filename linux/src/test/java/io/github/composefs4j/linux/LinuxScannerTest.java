package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ScannerContract;

class LinuxScannerTest extends ScannerContract {
  @Override
  protected Platform platform() {
    return new LinuxPlatform();
  }
}
