package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.PlatformContract;

/** Linux with a file system that has no {@code O_TMPFILE}. */
class NamedTemporariesTest extends PlatformContract {
  @Override
  protected Platform platform() {
    return new LinuxPlatform(false);
  }
}
