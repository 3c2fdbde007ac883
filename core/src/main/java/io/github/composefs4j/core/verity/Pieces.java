package io.github.composefs4j.core.verity;

import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Numbered pieces of work, done by the calling thread and by whatever helpers come in time. The
 * caller does all that nobody else has begun, so helpers may as well never come.
 */
public final class Pieces {
  /** What is done with the pieces that one thread takes. */
  @FunctionalInterface
  public interface Worker {
    /** Does one piece. */
    void work(int piece) throws IOException;
  }

  /** Makes workers; called by each thread that takes part. */
  @FunctionalInterface
  public interface Workers {
    /** {@return what this thread works with} */
    Worker begin();
  }

  private final Workers workers;
  private final int count;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private int done;

  private Pieces(Workers workers, int count) {
    this.workers = workers;
    this.count = count;
  }

  /**
   * Does the pieces from 0 to {@code count - 1}, in any order; returns when all are done, or when
   * one has failed and none is at work.
   *
   * @param helpers where threads may be found that help
   * @param parallelism how many threads to use at most, the calling one included
   * @throws IOException the first failure
   */
  public static void run(int count, Executor helpers, int parallelism, Workers workers)
      throws IOException {
    if (count == 1 || parallelism <= 1) {
      Worker worker = workers.begin();
      for (int piece = 0; piece < count; piece++) {
        worker.work(piece);
      }
      return;
    }
    Pieces pieces = new Pieces(workers, count);
    for (int i = 1; i < Math.min(parallelism, count); i++) {
      helpers.execute(pieces::work);
    }
    pieces.work();
    pieces.await();
  }

  private void work() {
    Worker worker = null;
    for (int piece; (piece = next.getAndIncrement()) < count; ) {
      try {
        if (failure.get() == null) {
          if (worker == null) {
            worker = workers.begin();
          }
          worker.work(piece);
        }
      } catch (IOException | RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      } finally {
        synchronized (this) {
          done++;
          notifyAll();
        }
      }
    }
  }

  /** Waits for the pieces that other threads have begun; a failure anywhere is thrown here. */
  private void await() throws IOException {
    boolean interrupted = false;
    synchronized (this) {
      while (done < count) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Throwable first = failure.get();
    if (first != null) {
      rethrow(first);
    }
  }

  /**
   * Throws what another thread has failed with. No switch over types, which is made anew in each
   * process and takes milliseconds.
   */
  public static void rethrow(Throwable failure) throws IOException {
    if (failure instanceof IOException e) {
      throw e;
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    throw new IllegalStateException(failure);
  }
}
