package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A repository's lock as one handle uses it: for each operation, or over several. Where there are
 * no locks, readers go without, and nobody else comes in. Thread-safe.
 */
final class HandleLock implements Closeable {
  private final StoreDirectory root;
  private final Platform platform;
  private final Waiting waiting;
  private final @Nullable RepositoryLock lock;
  private final AtomicInteger holds = new AtomicInteger();

  HandleLock(StoreDirectory root, Platform platform, Waiting waiting) throws IOException {
    this.root = root;
    this.platform = platform;
    this.waiting = waiting;
    this.lock = RepositoryLock.of(root);
  }

  /** {@return whether this platform has locks} */
  boolean exists() {
    return lock != null;
  }

  RepositoryException missing() {
    return new RepositoryException(
        Reason.NO_LOCKS,
        "the " + platform.name() + " platform has no flock: repositories can only be read");
  }

  /** The shared lock for one operation; null where there are no locks. */
  RepositoryLock.@Nullable Held shared() throws IOException {
    return lock == null ? null : lock.shared(root, holds.get() > 0, waiting);
  }

  RepositoryLock.Held exclusive(Waiting patience) throws IOException {
    if (lock == null) {
      throw missing();
    }
    if (holds.get() > 0) {
      throw new RepositoryException(
          Reason.BUSY, "the repository is locked: this very handle holds it");
    }
    return lock.exclusive(root, patience);
  }

  /** {@return the shared lock, held until it is closed} */
  Repository.Hold hold() throws IOException {
    RepositoryLock.Held held = shared();
    if (held == null) {
      return () -> {};
    }
    holds.incrementAndGet();
    return new Repository.Hold() {
      private boolean open = true;

      @Override
      public synchronized void close() throws IOException {
        if (open) {
          open = false;
          holds.decrementAndGet();
          held.close();
        }
      }
    };
  }

  /** An operation that only reads. */
  interface Action<T extends @Nullable Object> {
    T run() throws IOException;
  }

  <T extends @Nullable Object> T reading(Action<T> action) throws IOException {
    RepositoryLock.Held held = shared();
    try {
      return action.run();
    } finally {
      if (held != null) {
        held.close();
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (lock != null) {
      lock.close();
    }
  }
}
