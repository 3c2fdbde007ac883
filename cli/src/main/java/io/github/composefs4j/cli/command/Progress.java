package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One line on standard error about a long run, redrawn a few times a second while that is a
 * terminal, and silent otherwise. Short runs show nothing. Thread-safe.
 */
public final class Progress implements AutoCloseable {
  private static final long FIRST_AFTER = 400_000_000;
  private static final long EVERY = 100_000_000;
  private static final String ERASE = "\r\033[K";

  private final PrintStream err;
  private final boolean watched;
  private final AtomicLong due;
  private boolean drawn;

  /** Progress of a command that starts now. */
  public Progress(Console console) {
    err = console.err();
    watched = console.errIsTerminal();
    due = new AtomicLong(System.nanoTime() + FIRST_AFTER);
  }

  /**
   * Tells how far the run is.
   *
   * @param what is being done
   * @param entries done so far, not shown if 0
   * @param bytes done so far
   */
  public void show(String what, long entries, long bytes) {
    if (!watched) {
      return;
    }
    long now = System.nanoTime();
    long at = due.get();
    if (now - at >= 0 && due.compareAndSet(at, now + EVERY)) {
      draw(what + (entries > 0 ? ": " + entries + " entries, " : ": ") + (bytes >> 20) + " MiB");
    }
  }

  private synchronized void draw(String line) {
    err.print(ERASE + line);
    err.flush();
    drawn = true;
  }

  /** {@return a channel that tells how much was read from {@code in}} */
  public ReadableByteChannel reading(String what, ReadableByteChannel in) {
    if (!watched) {
      return in;
    }
    return new ReadableByteChannel() {
      private long bytes;

      @Override
      public int read(ByteBuffer into) throws IOException {
        int read = in.read(into);
        bytes += Math.max(0, read);
        show(what, 0, bytes);
        return read;
      }

      @Override
      public boolean isOpen() {
        return in.isOpen();
      }

      @Override
      public void close() throws IOException {
        in.close();
      }
    };
  }

  /** {@return a channel that tells how much was written to {@code out}} */
  public WritableByteChannel writing(String what, WritableByteChannel out) {
    if (!watched) {
      return out;
    }
    return new WritableByteChannel() {
      private long bytes;

      @Override
      public int write(ByteBuffer from) throws IOException {
        int written = out.write(from);
        bytes += written;
        show(what, 0, bytes);
        return written;
      }

      @Override
      public boolean isOpen() {
        return out.isOpen();
      }

      @Override
      public void close() throws IOException {
        out.close();
      }
    };
  }

  /** Takes the line away. */
  @Override
  public void close() {
    erase();
  }

  /** Takes the line away before something is printed; the next {@link #show} draws it again. */
  public synchronized void erase() {
    if (drawn) {
      err.print(ERASE);
      err.flush();
      drawn = false;
    }
  }
}
