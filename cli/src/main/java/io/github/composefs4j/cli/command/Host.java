package io.github.composefs4j.cli.command;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.linux.LinuxPlatform;

/** The platform that commands work on. */
public final class Host {
  private Host() {}

  /** {@return Linux where it works, otherwise the portable platform; without a search for more} */
  public static Platform platform() {
    LinuxPlatform linux = new LinuxPlatform();
    return linux.isAvailable() ? linux : Platform.portable();
  }

  /**
   * Makes ready, in another thread, what the first system call needs: a quarter of the time that a
   * short command takes, during which this thread finds out what the command is.
   */
  public static void prepare() {
    Thread thread = new Thread(() -> new LinuxPlatform().prepare(), "composefs-prepare");
    thread.setDaemon(true);
    thread.start();
  }
}
