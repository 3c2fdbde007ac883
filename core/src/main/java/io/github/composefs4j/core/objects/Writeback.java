package io.github.composefs4j.core.objects;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Has what was stored written to disk while more is read and hashed, so that the sync that makes it
 * all durable has less to wait for. Promises nothing itself. Thread-safe.
 */
final class Writeback {
  /** As many bytes are worth a sync: enough for the file system to write them in long runs. */
  private static final long STEP = 64 << 20;

  private final ObjectDirectory directory;
  private long unwritten;
  private @Nullable Thread running;

  /** The system tells an error once, to whoever syncs first. */
  private @Nullable IOException failure;

  Writeback(ObjectDirectory directory) {
    this.directory = directory;
  }

  synchronized void stored(long bytes) {
    unwritten += bytes;
    if (unwritten >= STEP && running == null) {
      unwritten = 0;
      running = new Thread(this::sync, "composefs-writeback");
      running.setDaemon(true);
      running.start();
    }
  }

  private void sync() {
    IOException failed = null;
    try {
      directory.sync();
    } catch (IOException e) {
      failed = e;
    }
    synchronized (this) {
      if (failure == null) {
        failure = failed;
      }
      running = null;
      notifyAll();
    }
  }

  /** Waits until nothing is being synced: then the directory may be closed. */
  synchronized void await() {
    boolean interrupted = false;
    while (running != null) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Throws what went wrong, which whoever syncs afterwards is not told again. */
  synchronized void check() throws IOException {
    if (failure != null) {
      throw new IOException("writing objects: " + failure.getMessage(), failure);
    }
  }
}
