package io.github.composefs4j.cli.command;

import io.github.composefs4j.linux.Daemon;
import org.jspecify.annotations.Nullable;

/**
 * What the launcher waits for when a command may become a server: the exit status, as a line on a
 * descriptor. So the command returns while its process, a Java that is warm, stays. Thread-safe.
 */
public final class Launched {
  private static @Nullable Integer descriptor = Integer.getInteger("composefs.status");

  private Launched() {}

  /**
   * {@return whether the launcher waits, so that this process may stay when the command is over}
   */
  public static synchronized boolean isWaitedFor() {
    return descriptor != null;
  }

  /** Tells the launcher, if it waits, that the command is over. */
  public static synchronized void tell(int status) {
    if (descriptor != null) {
      Daemon.tell(descriptor, Integer.toString(status));
      descriptor = null;
    }
  }
}
