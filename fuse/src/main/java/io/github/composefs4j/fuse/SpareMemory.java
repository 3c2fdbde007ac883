package io.github.composefs4j.fuse;

import io.github.composefs4j.core.verified.FirstReadMemory;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Pages;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Memory for first reads: a part of what the machine has free, given back to it piece by piece.
 * Thread-safe. In small pages: large ones are seldom there, and making room for them takes longer
 * than hashing.
 */
final class SpareMemory implements FirstReadMemory {
  /** The most that is lent at a time, in bytes. */
  private static final long MOST = 1L << 30;

  /** Less is not worth it. */
  private static final long LEAST = 4L << 20;

  /** One part in so many of what is available is lent. */
  private static final int PART = 4;

  private static final Path MEMORY = Path.of("/proc/meminfo");
  private static final String AVAILABLE = "MemAvailable:";

  private final AtomicLong lent = new AtomicLong();

  @Override
  public @Nullable Area borrow(long bytes) {
    long most = most();
    long taken;
    long now;
    do {
      now = lent.get();
      taken = Math.min(bytes, most - now);
      if (taken < Math.min(bytes, LEAST)) {
        return null;
      }
    } while (!lent.compareAndSet(now, now + taken));
    try {
      return new Lent(taken);
    } catch (ErrnoException e) {
      lent.addAndGet(-taken);
      return null; // a limit of address space
    }
  }

  /** Half of what the heap may have is an eighth of the memory of the machine or the container. */
  private static long most() {
    return Math.min(MOST, Math.min(Runtime.getRuntime().maxMemory() / 2, available() / PART));
  }

  private static long available() {
    try {
      for (String line : Files.readAllLines(MEMORY)) {
        if (line.startsWith(AVAILABLE)) {
          String kib = line.substring(AVAILABLE.length(), line.lastIndexOf(' ')).strip();
          return Long.parseLong(kib) << 10;
        }
      }
    } catch (IOException | NumberFormatException e) {
      // then there is none
    }
    return 0;
  }

  private final class Lent implements Area {
    private final Pages pages;

    Lent(long bytes) throws ErrnoException {
      pages = new Pages(bytes);
    }

    @Override
    public MemorySegment bytes() {
      return pages.memory();
    }

    @Override
    public void prepare(long offset, long length) {
      pages.prepare(offset, length);
    }

    @Override
    public void discard(long offset, long length) {
      pages.discard(offset, length);
    }

    @Override
    public void close() {
      pages.close();
      lent.addAndGet(-pages.memory().byteSize());
    }
  }
}
