package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.RepositoryContract;
import io.github.composefs4j.core.testkit.RepositoryCrashContract;
import io.github.composefs4j.core.testkit.RepositoryLockContract;
import org.junit.jupiter.api.Nested;

class LinuxRepositoryTest {
  @Nested
  class Contract extends RepositoryContract {
    @Override
    protected Platform platform() {
      return new LinuxPlatform();
    }
  }

  @Nested
  class Crashes extends RepositoryCrashContract {
    @Override
    protected Platform platform() {
      return new LinuxPlatform();
    }
  }

  @Nested
  class Locks extends RepositoryLockContract {
    @Override
    protected Platform platform() {
      return new LinuxPlatform();
    }
  }
}
