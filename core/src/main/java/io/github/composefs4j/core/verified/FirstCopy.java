package io.github.composefs4j.core.verified;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A private copy of an object, made of the bytes that were hashed when its tree was built. Each
 * part is given up when all of it was read once, and the whole when nobody has read for seconds:
 * who reads in order does so at once, and who reads at random has the tree. Thread-safe.
 */
final class FirstCopy implements AutoCloseable {
  /** What is given up in one piece. */
  private static final int PIECE = 1 << 21;

  private static final long IDLE_SECONDS = 5;

  private final FirstReadMemory.Area area;
  private final long start;
  private final long end;

  // What follows is guarded by this.

  /** Bytes of each piece that nobody has read yet; a piece without any is given up. */
  private final int[] unread;

  /** Who copies from each piece at the moment. */
  private final int[] users;

  private int allUsers;
  private int pieces;
  private boolean closed;
  private long lastUse;

  private FirstCopy(FirstReadMemory.Area area, long start, long end) {
    this.area = area;
    this.start = start;
    this.end = end;
    pieces = piece(end - 1) + 1;
    users = new int[pieces];
    unread = new int[pieces];
    for (int i = 0; i < pieces; i++) {
      unread[i] = (int) Math.min(PIECE, end - start - (long) i * PIECE);
    }
  }

  /**
   * {@return room for the content of an object, or null if there is none}
   *
   * @param position where it will be read from if not all of it finds room
   */
  static @Nullable FirstCopy begin(@Nullable FirstReadMemory memory, long size, long position) {
    FirstReadMemory.Area area = memory == null ? null : memory.borrow(size);
    if (area == null) {
      return null;
    }
    long room = area.bytes().byteSize();
    long start = room >= size ? 0 : Math.min(position, size - 1) / PIECE * PIECE;
    return new FirstCopy(area, start, Math.min(size, start + room));
  }

  private int piece(long position) {
    return (int) ((position - start) / PIECE);
  }

  /** Takes bytes that were read to be hashed. Before anybody reads: only who builds the tree. */
  void fill(long position, byte[] from, int offset, int length) {
    long first = Math.max(start, position);
    long stop = Math.min(end, position + length);
    if (first < stop) {
      int at = offset + (int) (first - position);
      int count = (int) (stop - first);
      area.prepare(first - start, count);
      MemorySegment.copy(from, at, area.bytes(), ValueLayout.JAVA_BYTE, first - start, count);
    }
  }

  /** The digest was right: it may be read, and is given up when that ends. */
  synchronized void accept() {
    lastUse = System.nanoTime();
    closeWhenIdle(IDLE_SECONDS);
  }

  private void closeWhenIdle(long seconds) {
    CompletableFuture.delayedExecutor(seconds, TimeUnit.SECONDS).execute(this::look);
  }

  private synchronized void look() {
    long idle = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - lastUse);
    if (idle >= IDLE_SECONDS) {
      close();
    } else if (!closed) {
      closeWhenIdle(IDLE_SECONDS - idle);
    }
  }

  /** {@return whether a range was here; if so, it was copied} */
  boolean read(long position, byte[] into, int offset, int length) {
    if (length == 0 || position < start || position + length > end || !enter(position, length)) {
      return length == 0;
    }
    MemorySegment.copy(area.bytes(), ValueLayout.JAVA_BYTE, position - start, into, offset, length);
    leave(position, length);
    return true;
  }

  private synchronized boolean enter(long position, int length) {
    int last = piece(position + length - 1);
    for (int i = piece(position); i <= last; i++) {
      if (closed || unread[i] <= 0) {
        return false;
      }
    }
    for (int i = piece(position); i <= last; i++) {
      users[i]++;
    }
    allUsers++;
    return true;
  }

  private synchronized void leave(long position, int length) {
    lastUse = System.nanoTime();
    long stop = position + length;
    for (int i = piece(position); i <= piece(stop - 1); i++) {
      long begin = start + (long) i * PIECE;
      unread[i] -= (int) (Math.min(stop, begin + PIECE) - Math.max(position, begin));
      if (--users[i] == 0 && unread[i] <= 0) {
        pieces--;
        area.discard(begin - start, Math.min(PIECE, end - begin));
      }
    }
    if (--allUsers == 0 && closed) {
      area.close();
    } else if (pieces == 0) {
      close();
    }
  }

  /** {@return whether it has nothing any more} */
  synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      if (allUsers == 0) {
        area.close();
      }
    }
  }
}
