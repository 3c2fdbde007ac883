package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.verity.Pieces;
import java.io.IOException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Passes windows of an image on in a thread of its own, so that they are hashed and written while
 * the next ones are made. What fits in one window needs no thread.
 */
final class BackgroundSink implements ImageOutput.Sink {
  /** Windows that wait at most. */
  private static final int AHEAD = 4;

  private record Window(byte[] bytes, int length) {}

  private final ImageOutput.Sink sink;
  private final ArrayDeque<Window> windows = new ArrayDeque<>(AHEAD);
  private @Nullable Thread thread;
  private boolean ended;
  private @Nullable Throwable failure;

  BackgroundSink(ImageOutput.Sink sink) {
    this.sink = sink;
  }

  @Override
  public synchronized void accept(byte[] bytes, int length) throws IOException {
    if (thread == null && !windows.isEmpty()) {
      Thread started = new Thread(this::run, "composefs-image");
      started.setDaemon(true);
      started.start();
      thread = started;
    }
    boolean interrupted = false;
    while (windows.size() == AHEAD && failure == null) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    restore(interrupted);
    throwFailure();
    windows.add(new Window(bytes, length));
    notifyAll();
  }

  /** Passes on what is left; all has been passed on, or has failed, when this returns. */
  void finish() throws IOException {
    end();
    for (Window last; thread == null && (last = windows.poll()) != null; ) {
      sink.accept(last.bytes, last.length);
    }
    throwFailure();
  }

  /** Gives up; nothing is passed on any more when this returns. */
  void abandon() {
    synchronized (this) {
      windows.clear();
    }
    end();
  }

  private void end() {
    Thread started;
    synchronized (this) {
      ended = true;
      notifyAll();
      started = thread;
    }
    boolean interrupted = false;
    while (started != null && started.isAlive()) {
      try {
        started.join();
      } catch (InterruptedException e) {
        interrupted = true; // the sink is in use as long as the thread lives
      }
    }
    restore(interrupted);
  }

  private static void restore(boolean interrupted) {
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void throwFailure() throws IOException {
    if (failure != null) {
      Pieces.rethrow(failure);
    }
  }

  private synchronized @Nullable Window next() {
    while (windows.isEmpty() && !ended) {
      try {
        wait();
      } catch (InterruptedException e) {
        // nobody knows this thread; it ends when the writer does
      }
    }
    return windows.poll();
  }

  private void run() {
    try {
      for (Window next; (next = next()) != null; ) {
        sink.accept(next.bytes, next.length);
        synchronized (this) {
          notifyAll();
        }
      }
    } catch (Throwable e) {
      synchronized (this) {
        failure = e;
        notifyAll();
      }
    }
  }
}
