package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.Platform;

/** Linux, through system calls. */
public final class LinuxPlatform implements Platform {
  @Override
  public String name() {
    return "linux";
  }
}
