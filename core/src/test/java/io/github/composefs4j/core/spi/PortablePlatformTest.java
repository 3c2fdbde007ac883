package io.github.composefs4j.core.spi;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.PlatformContract;
import org.junit.jupiter.api.Test;

class PortablePlatformTest extends PlatformContract {
  @Override
  protected Platform platform() {
    return Platform.portable();
  }

  @Test
  void saysWhatItCannotSee() {
    assertThat(platform().limitations()).anyMatch(text -> text.contains("extended attributes"));
  }

  @Test
  void isTheBestWithoutProviders() {
    assertThat(Platform.best().name()).isEqualTo("portable");
  }
}
