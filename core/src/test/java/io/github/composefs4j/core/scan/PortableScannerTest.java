package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ScannerContract;

class PortableScannerTest extends ScannerContract {
  @Override
  protected Platform platform() {
    return Platform.portable();
  }

  @Override
  protected boolean seesLongPaths() {
    return false;
  }
}
