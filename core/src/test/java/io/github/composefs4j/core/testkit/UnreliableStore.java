package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** A store that stalls, fails or gives wrong bytes when it is told to. */
public final class UnreliableStore implements ObjectStore {
  private final ObjectStore store;
  private volatile CountDownLatch stall = new CountDownLatch(0);
  private volatile boolean deaf;
  private volatile String failure;
  private volatile Predicate<Digest> damaged = _ -> false;
  private volatile long stallAt = -1;
  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicInteger calls = new AtomicInteger();

  /** A store that does as {@code store} does. */
  public UnreliableStore(ObjectStore store) {
    this.store = store;
  }

  /**
   * From now on calls wait.
   *
   * @param untilInterrupted whether an interrupt ends them, as it does with sockets; otherwise
   *     nothing but {@link #resume} does, as with files
   */
  public void stall(boolean untilInterrupted) {
    deaf = !untilInterrupted;
    stall = new CountDownLatch(1);
  }

  /** Reads from this position on wait; other calls do not. */
  public void stallReadsAt(long position) {
    stall(false);
    stallAt = position;
  }

  /** Ends {@link #stall}, for the calls that wait too. */
  public void resume() {
    stallAt = -1;
    stall.countDown();
  }

  /** From now on calls fail, or not if null. */
  public void fail(String message) {
    failure = message;
  }

  /** From now on the middle byte of these objects is wrong. */
  public void damage(Predicate<Digest> which) {
    damaged = which;
  }

  /** {@return calls that have not returned} */
  public int inside() {
    return inside.get();
  }

  /** {@return readers that have not been closed} */
  public int open() {
    return open.get();
  }

  /** {@return calls so far} */
  public int calls() {
    return calls.get();
  }

  private interface Call<T> {
    T run() throws IOException;
  }

  private <T> T call(long position, Call<T> call) throws IOException {
    calls.incrementAndGet();
    inside.incrementAndGet();
    try {
      if (position >= stallAt) {
        await();
      }
      if (failure != null) {
        throw new IOException(failure);
      }
      return call.run();
    } finally {
      inside.decrementAndGet();
    }
  }

  private void await() throws IOException {
    while (true) {
      try {
        stall.await();
        return;
      } catch (InterruptedException e) {
        if (!deaf) {
          throw new InterruptedIOException("interrupted");
        }
      }
    }
  }

  @Override
  public HashAlgorithm algorithm() {
    return store.algorithm();
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    ObjectReader reader = call(stallAt < 0 ? 0 : -1, () -> store.open(digest));
    open.incrementAndGet();
    return new ObjectReader() {
      @Override
      public long size() throws IOException {
        return reader.size();
      }

      @Override
      public int read(long position, byte[] into, int offset, int length) throws IOException {
        return call(
            position + length,
            () -> {
              int count = reader.read(position, into, offset, length);
              long wrong = reader.size() / 2;
              if (damaged.test(digest) && wrong >= position && wrong < position + count) {
                into[offset + (int) (wrong - position)] ^= 1;
              }
              return count;
            });
      }

      @Override
      public void close() throws IOException {
        open.decrementAndGet();
        reader.close();
      }
    };
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    return call(stallAt < 0 ? 0 : -1, () -> store.present(digests));
  }

  @Override
  public void close() throws IOException {
    store.close();
  }
}
