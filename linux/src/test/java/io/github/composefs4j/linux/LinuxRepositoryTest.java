package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.RepositoryContract;

class LinuxRepositoryTest extends RepositoryContract {
  @Override
  protected Platform platform() {
    return new LinuxPlatform();
  }
}
