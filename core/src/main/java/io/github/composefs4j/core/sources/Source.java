package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.NoSuchFileException;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One store of a union: its calls on threads that may be left behind, its health, its counters.
 *
 * <p>A call that takes too long is given up by its caller, and with it all calls that are going on:
 * whoever waits learns of it at once, so that a stalled store costs one timeout whatever the number
 * of threads. From then on nobody asks the store. A trial in the background, whenever one is due,
 * or one of the calls that were given up, when it comes back after all, ends that. Threads that are
 * stuck in a store are daemons and bounded in number.
 */
final class Source implements Closeable {
  /** Calls at once; so many threads may be stuck at most, besides those of trials. */
  private static final int CALLS_MAX = 32;

  private static final int TRIALS_MAX = 4;

  /** Failures in a row after which a store is given up as if it had stalled. */
  private static final int FAILURES_MAX = 8;

  private static final long FIRST_RETRY = TimeUnit.SECONDS.toNanos(1);
  private static final long IDLE_SECONDS = 5;

  final String name;
  final ObjectStore store;
  final Verifier verifier;

  /** Whether calls may stall; otherwise they are made where they are. */
  private final boolean mayStall;

  private final UnionOptions options;
  private final ThreadPoolExecutor threads;
  private final Semaphore calls = new Semaphore(CALLS_MAX);
  private final Semaphore trials = new Semaphore(TRIALS_MAX);
  private final Set<Task<?>> waiting = ConcurrentHashMap.newKeySet();

  /** Readers that are to be closed. */
  private final Queue<ObjectReader> abandoned = new ConcurrentLinkedQueue<>();

  final LongAdder hits = new LongAdder();
  final LongAdder misses = new LongAdder();
  final LongAdder failures = new LongAdder();
  final LongAdder corrupt = new LongAdder();
  final LongAdder timeouts = new LongAdder();
  final LongAdder bytes = new LongAdder();
  final LongAdder promoted = new LongAdder();

  // Guarded by this.
  private @Nullable String trouble;
  private @Nullable String lastFailure;
  private @Nullable Digest suspect;
  private long retryAt;
  private long retryDelay;
  private int failuresInARow;
  private @Nullable CompletableFuture<Boolean> trial;
  private long trialStart;

  Source(
      String name, ObjectStore store, boolean mayStall, Verifier verifier, UnionOptions options) {
    this.name = name;
    this.store = store;
    this.mayStall = mayStall;
    this.verifier = verifier;
    this.options = options;
    this.threads =
        new ThreadPoolExecutor(
            0,
            CALLS_MAX + TRIALS_MAX + 1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> {
              Thread thread = new Thread(task, "composefs-source " + name);
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Something asked of the store. */
  interface Call<T> {
    T run() throws IOException;
  }

  /** What becomes of a result that comes when nobody waits any more. */
  interface Late<T> {
    void discard(T result) throws IOException;
  }

  /**
   * {@return the answer of the store}
   *
   * @param about an object that the call is about, for the trial that follows if it stalls
   * @throws StoreUnavailableException if it does not come in time, or another call's does not
   */
  <T> T call(Digest about, Call<T> call, Late<T> late) throws IOException {
    try {
      T result = mayStall ? callInTime(about, call, late) : call.run();
      succeeded();
      return result;
    } catch (MissingObjectException e) {
      succeeded();
      throw e;
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      if (!(e instanceof GivenUp)) {
        failed(about, e);
      }
      throw e instanceof GivenUp given ? given.unavailable() : e;
    }
  }

  /** A call that was given up; health has been updated. */
  private static final class GivenUp extends IOException {
    private static final long serialVersionUID = 1L;

    private final String source;

    GivenUp(String source, String reason) {
      super(reason, null);
      this.source = source;
    }

    StoreUnavailableException unavailable() {
      return new StoreUnavailableException(source, String.valueOf(getMessage()), this);
    }
  }

  /** A call on a thread, which can be interrupted as long as it runs, and not what runs next. */
  private final class Task<T> implements Runnable {
    final CompletableFuture<T> answer = new CompletableFuture<>();
    final long start = System.nanoTime();
    private final Call<T> call;
    private final Late<T> late;
    private @Nullable Thread runner;

    Task(Call<T> call, Late<T> late) {
      this.call = call;
      this.late = late;
    }

    @Override
    public void run() {
      try {
        begin();
        T result = call.run();
        if (!answer.complete(result)) {
          cameBack(start);
          late.discard(result);
        }
      } catch (Throwable e) {
        if (!answer.completeExceptionally(e) && e instanceof MissingObjectException) {
          cameBack(start);
        }
      } finally {
        end();
        closeAbandoned();
        calls.release();
      }
    }

    private synchronized void begin() {
      runner = Thread.currentThread();
    }

    private synchronized void end() {
      runner = null;
      boolean _ = Thread.interrupted();
    }

    synchronized void interrupt() {
      if (runner != null) {
        runner.interrupt();
      }
    }
  }

  private <T> T callInTime(Digest about, Call<T> call, Late<T> late) throws IOException {
    long limit = options.timeout().toNanos();
    Task<T> task = new Task<>(call, late);
    try {
      if (!calls.tryAcquire(limit, TimeUnit.NANOSECONDS)) {
        throw stalled(about);
      }
      waiting.add(task);
      run(task, calls);
      return task.answer.get(limit - (System.nanoTime() - task.start), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      // If the answer comes in this very moment, it is discarded by the one who lost.
      task.answer.completeExceptionally(e);
      task.interrupt();
      throw stalled(about);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case GivenUp cause -> {
          task.interrupt();
          throw cause;
        }
        case IOException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IOException(name + ": " + e.getCause(), e);
      }
    } catch (InterruptedException e) {
      task.answer.cancel(false);
      task.interrupt();
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } finally {
      waiting.remove(task);
    }
  }

  private void run(Runnable task, Semaphore permit) throws IOException {
    try {
      threads.execute(task);
    } catch (RuntimeException | Error e) {
      permit.release();
      throw new IOException(name + ": no thread: " + e.getMessage(), e);
    }
  }

  private GivenUp stalled(Digest about) {
    timeouts.increment();
    String reason = "no answer within " + options.timeout().toMillis() + " ms";
    giveUp(about, reason);
    return new GivenUp(name, reason);
  }

  private void giveUp(Digest about, String reason) {
    synchronized (this) {
      suspect = about;
      if (trouble == null) {
        retryDelay = Math.min(FIRST_RETRY, options.retry().toNanos());
        retryAt = options.nanoTime().getAsLong() + retryDelay;
      }
      trouble = reason;
    }
    for (Task<?> call : waiting) {
      call.answer.completeExceptionally(new GivenUp(name, reason));
    }
  }

  private void failed(Digest about, IOException e) {
    failures.increment();
    boolean hopeless;
    synchronized (this) {
      lastFailure = reason(e);
      hopeless = e instanceof StoreUnavailableException || ++failuresInARow >= FAILURES_MAX;
    }
    if (hopeless) {
      giveUp(about, reason(e));
    }
  }

  /** {@return what to say of a failure} */
  static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "is not there" : String.valueOf(e.getMessage());
  }

  private synchronized void succeeded() {
    failuresInARow = 0;
  }

  /** A call that was given up has ended. Only one that was stuck itself tells that all is well. */
  private void cameBack(long start) {
    if (System.nanoTime() - start >= options.timeout().toNanos()) {
      recovered();
    }
  }

  private synchronized void recovered() {
    trouble = null;
    failuresInARow = 0;
  }

  /** {@return why the store is not asked, or null} */
  synchronized @Nullable String trouble() {
    return trouble;
  }

  private synchronized @Nullable String lastFailure() {
    return lastFailure;
  }

  /** {@return whether to ask the store; starts a trial if one is due} */
  boolean isUsable() {
    Digest about;
    CompletableFuture<Boolean> result;
    synchronized (this) {
      if (trouble == null) {
        return true;
      }
      about = suspect;
      long now = options.nanoTime().getAsLong();
      if (about == null || now - retryAt < 0 || !trials.tryAcquire()) {
        return false;
      }
      retryDelay = Math.min(2 * retryDelay, options.retry().toNanos());
      retryAt = now + retryDelay;
      result = new CompletableFuture<>();
      trial = result;
      trialStart = System.nanoTime();
    }
    try {
      run(() -> tryAgain(about, result), trials);
    } catch (IOException e) {
      result.complete(false);
    }
    return false;
  }

  private void tryAgain(Digest about, CompletableFuture<Boolean> result) {
    boolean answered = false;
    try (ObjectReader object = store.open(about)) {
      object.read(0, new byte[1], 0, 1);
      answered = true;
    } catch (MissingObjectException e) {
      answered = true;
    } catch (IOException | RuntimeException e) {
      // no better than before
    } finally {
      trials.release();
      if (answered) {
        recovered();
      }
      result.complete(answered);
    }
  }

  /**
   * {@return whether a trial that is going on ends well} Waits for what is left of its time, so
   * that a trial costs one timeout at most.
   */
  boolean awaitTrial() throws InterruptedIOException {
    CompletableFuture<Boolean> running;
    long left;
    synchronized (this) {
      running = trial;
      left = trialStart + options.timeout().toNanos() - System.nanoTime();
    }
    if (running == null) {
      return false;
    }
    try {
      return running.get(Math.max(0, left), TimeUnit.NANOSECONDS) && trouble() == null;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /** {@return an object of the store; its bytes are not verified} */
  ObjectReader open(Digest digest) throws IOException {
    try {
      ObjectReader reader = call(digest, () -> store.open(digest), ObjectReader::close);
      return new Reader(digest, reader);
    } catch (MissingObjectException e) {
      misses.increment();
      throw e;
    }
  }

  /** {@return an object under a path of its own; its bytes are not verified} */
  ObjectReader openPath(byte[] path) throws IOException {
    // A trial that follows asks for an object that need not be there.
    Digest about = new VerityHasher(store.algorithm()).digest();
    try {
      ObjectReader reader = call(about, () -> store.openPath(path), ObjectReader::close);
      return new Reader(about, reader);
    } catch (MissingObjectException e) {
      misses.increment();
      throw e;
    }
  }

  /** Notes what a failure says of the store, unless a call has done so. */
  void note(IOException e) {
    if (e instanceof DigestMismatchException) {
      corrupt.increment();
    }
  }

  SourceStatus status() {
    return new SourceStatus(
        name,
        trouble(),
        lastFailure(),
        hits.sum(),
        misses.sum(),
        failures.sum(),
        corrupt.sum(),
        timeouts.sum(),
        bytes.sum(),
        promoted.sum());
  }

  /** An open object of the store, each call in time. */
  private final class Reader implements ObjectReader {
    private final Digest digest;
    private final ObjectReader reader;

    Reader(Digest digest, ObjectReader reader) {
      this.digest = digest;
      this.reader = reader;
    }

    @Override
    public long size() throws IOException {
      return call(digest, reader::size, _ -> {});
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      int count;
      if (mayStall) {
        // A read that is given up may still write some day: not where somebody looks.
        byte[] own = new byte[length];
        count = call(digest, () -> reader.read(position, own, 0, length), _ -> {});
        System.arraycopy(own, 0, into, offset, Math.max(0, count));
      } else {
        count = call(digest, () -> reader.read(position, into, offset, length), _ -> {});
      }
      bytes.add(Math.max(0, count));
      return count;
    }

    @Override
    public Optional<Digest> kernelDigest() throws IOException {
      return call(digest, reader::kernelDigest, _ -> {});
    }

    /** Not waited for: closing a file of a stalled file system may stall too. */
    @Override
    public void close() throws IOException {
      if (!mayStall) {
        reader.close();
        return;
      }
      abandoned.add(reader);
      if (calls.tryAcquire()) {
        run(new Task<>(() -> true, _ -> {}), calls);
      }
    }
  }

  /** Done at the end of every call, since a stalled store may have no thread left for it. */
  private void closeAbandoned() {
    for (ObjectReader reader; (reader = abandoned.poll()) != null; ) {
      try {
        reader.close();
      } catch (IOException e) {
        // it was only read
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (mayStall && trouble() != null) {
      // Whoever is stuck in the store still needs it; the last one leaves it to the collector.
      threads.shutdown();
      return;
    }
    threads.shutdown();
    store.close();
  }

  /** {@return threads that are in the store at the moment, for tests} */
  int threads() {
    return threads.getActiveCount();
  }

  /** {@return which of some objects the store says it has} */
  BitSet present(List<Digest> digests) throws IOException {
    return call(digests.getFirst(), () -> store.present(digests), _ -> {});
  }
}
