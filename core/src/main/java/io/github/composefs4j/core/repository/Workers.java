package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.verity.Pieces;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/** Threads for the length of one operation. The first failure ends it; so does an interrupt. */
final class Workers implements AutoCloseable {
  private final ExecutorService threads;
  private final int count;

  Workers(int count) {
    this.count = count;
    this.threads =
        Executors.newFixedThreadPool(
            count,
            task -> {
              Thread thread = new Thread(task, "composefs-repository");
              thread.setDaemon(true);
              return thread;
            });
  }

  int count() {
    return count;
  }

  ExecutorService executor() {
    return threads;
  }

  interface Task {
    void run() throws IOException;
  }

  /** Runs all tasks; when this returns or throws, none is running. */
  void run(List<? extends Task> tasks) throws IOException {
    runEach(() -> "", tasks.stream().map(task -> (TaskWith<String>) _ -> task.run()).toList());
  }

  /** A task that uses what its thread has. */
  interface TaskWith<S> {
    void run(S state) throws IOException;
  }

  /** Runs all tasks, each with the state of its thread. */
  <S> void runEach(Supplier<S> states, List<? extends TaskWith<S>> tasks) throws IOException {
    ThreadLocal<S> own = ThreadLocal.withInitial(states);
    List<Future<?>> running = new ArrayList<>(tasks.size());
    for (TaskWith<S> task : tasks) {
      running.add(
          threads.submit(() -> {
            if (Thread.currentThread().isInterrupted()) {
              throw new InterruptedIOException("interrupted");
            }
            task.run(own.get());
            return null;
          }));
    }
    Throwable failure = null;
    boolean interrupted = false;
    for (Future<?> each : running) {
      while (true) {
        try {
          if (failure != null) {
            each.cancel(false);
          }
          if (!each.isCancelled()) {
            each.get();
          }
          break;
        } catch (ExecutionException e) {
          failure = failure == null ? e.getCause() : failure;
          break;
        } catch (InterruptedException e) {
          interrupted = true;
          failure = new InterruptedIOException("interrupted");
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure != null) {
      Pieces.rethrow(failure);
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
