package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;

/** Linux, through system calls. */
public final class LinuxPlatform implements Platform {
  /** The platform, for {@code ServiceLoader}; loads nothing native yet. */
  public LinuxPlatform() {}

  @Override
  public String name() {
    return "linux";
  }
}
