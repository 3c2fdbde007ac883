package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.spi.FileId;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The lock of a repository: {@code flock(2)} on its directory, as every implementation honours it
 * (repository.md, section 9). One for all handles of this process, since flock locks belong to open
 * descriptions and two of one process would wait for each other for ever.
 *
 * <p>Users pass a gate first, a lock on {@code objects/} that a collector holds while it waits:
 * without it, users that overlap would keep a collector waiting for ever. A gate that stays shut is
 * overrun after {@link #GATE_MILLIS}: what keeps the collector waiting may itself wait for us.
 *
 * <p>All waiting is by polling, so that it can be interrupted and limited. Thread-safe.
 */
final class RepositoryLock {
  private static final long GATE_MILLIS = 20_000;
  private static final long POLL_MILLIS_MAX = 20;
  private static final byte[] OBJECTS = FileName.encode("objects");

  private static final Map<FileId, RepositoryLock> ALL = new HashMap<>();

  private final FileId id;
  private final StoreDirectory.Lock lock;
  private int handles;
  private StoreDirectory.@Nullable Lock gate;
  private int shared;
  private boolean exclusiveWanted;
  private boolean exclusive;

  private RepositoryLock(FileId id, StoreDirectory.Lock lock) {
    this.id = id;
    this.lock = lock;
  }

  /** {@return the lock for one more handle, or null if this platform has none} */
  static @Nullable RepositoryLock of(StoreDirectory root) throws IOException {
    HostStat stat = root.stat(StoreDirectory.self());
    if (stat == null) {
      throw new IllegalStateException("an open directory has a stat");
    }
    FileId id = stat.id();
    synchronized (ALL) {
      RepositoryLock known = ALL.get(id);
      if (known == null) {
        StoreDirectory.Lock lock = root.lock(StoreDirectory.self());
        if (lock == null) {
          return null;
        }
        known = new RepositoryLock(id, lock);
        ALL.put(id, known);
      }
      known.handles++;
      return known;
    }
  }

  /** Gives up one handle's part. */
  void close() throws IOException {
    synchronized (ALL) {
      if (--handles > 0) {
        return;
      }
      ALL.remove(id);
    }
    synchronized (this) {
      lock.close();
      if (gate != null) {
        gate.close();
      }
    }
  }

  /** A lock that is held; closing gives it up, once. */
  final class Held implements AutoCloseable {
    private final boolean isExclusive;
    private boolean open = true;

    private Held(boolean isExclusive) {
      this.isExclusive = isExclusive;
    }

    @Override
    public void close() throws IOException {
      synchronized (RepositoryLock.this) {
        if (!open) {
          return;
        }
        open = false;
        if (isExclusive) {
          exclusive = false;
          lock.unlock();
        } else if (--shared == 0) {
          lock.unlock();
        }
        RepositoryLock.this.notifyAll();
      }
    }
  }

  /**
   * Waits for the shared lock.
   *
   * @param root the repository, for the gate
   * @param nested whether the caller holds the lock already, and must not wait for a collector that
   *     waits for it
   */
  synchronized Held shared(StoreDirectory root, boolean nested, Waiting waiting)
      throws IOException {
    Poll poll = new Poll(waiting);
    while (true) {
      boolean admitted = nested || poll.elapsedMillis() > GATE_MILLIS || passGate(root);
      if (admitted && !exclusive && (shared > 0 || lock.tryLock(false))) {
        shared++;
        return new Held(false);
      }
      poll.pause("it is being collected");
    }
  }

  /** Waits for the exclusive lock. The caller must not hold the shared one. */
  synchronized Held exclusive(StoreDirectory root, Waiting waiting) throws IOException {
    Poll poll = new Poll(waiting);
    while (exclusiveWanted || exclusive) {
      poll.pause("it is being collected");
    }
    exclusiveWanted = true;
    boolean shut = false;
    try {
      while (true) {
        if (shared == 0 && lock.tryLock(true)) {
          exclusive = true;
          return new Held(true);
        }
        // Whoever is waited for may make the directory only now.
        StoreDirectory.Lock objects = gate(root);
        if (!shut && objects != null && !waiting.isNone()) {
          shut = objects.tryLock(true);
        }
        poll.pause("others use it");
      }
    } finally {
      exclusiveWanted = false;
      if (shut && gate != null) {
        gate.unlock();
      }
      notifyAll();
    }
  }

  private boolean passGate(StoreDirectory root) throws IOException {
    if (exclusiveWanted) {
      return false;
    }
    StoreDirectory.Lock objects = gate(root);
    if (objects == null) {
      return true;
    }
    if (!objects.tryLock(false)) {
      return false;
    }
    objects.unlock();
    return true;
  }

  /** The gate, once there is a directory for it. */
  private StoreDirectory.@Nullable Lock gate(StoreDirectory root) throws IOException {
    if (gate == null) {
      HostStat stat = root.stat(OBJECTS);
      if (stat != null && Links.isDirectory(stat)) {
        gate = root.lock(OBJECTS);
      }
    }
    return gate;
  }

  /** Waiting in small steps that grow. */
  private final class Poll {
    private final Waiting waiting;
    private final long start = System.nanoTime();
    private long step = 1;

    Poll(Waiting waiting) {
      this.waiting = waiting;
    }

    long elapsedMillis() {
      return (System.nanoTime() - start) / 1_000_000;
    }

    void pause(String why) throws IOException {
      if (waiting.isOver(elapsedMillis())) {
        throw new RepositoryException(
            Reason.BUSY, "the repository is locked: " + why + (waiting.isNone() ? "" : " still"));
      }
      try {
        RepositoryLock.this.wait(step);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted");
      }
      step = Math.min(POLL_MILLIS_MAX, 2 * step);
    }
  }
}
