package io.github.composefs4j.core.verity;

import java.io.EOFException;
import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Digests of large sources, hashed in chunks by several threads. The chunks are of one size
 * whatever the number of threads, and so is the result.
 */
public final class VerityDigests {
  /** Bytes read and hashed at once: a multiple of every block size. */
  static final int CHUNK = 1 << 20;

  /** Chunks hashed before their hashes go into the tree; what bounds the memory. */
  private static final int WINDOW = 64;

  private VerityDigests() {}

  /** Positional bytes; thread-safe. */
  @FunctionalInterface
  public interface Source {
    /** {@return the number of bytes read, fewer than asked for only where the source ends} */
    int read(long position, byte[] into, int offset, int length) throws IOException;

    /**
     * {@return the first position from {@code position} on that may be no hole; see the caller's
     * file}
     */
    default long nextData(long position, long size) throws IOException {
      return position;
    }
  }

  /**
   * {@return the digest of the first {@code size} bytes of a source}
   *
   * @param blockSize a power of two from 1024 to 65536
   * @param helpers where threads may be found that help; may ignore or delay what it gets, since
   *     the calling thread does all that nobody else has begun
   * @param parallelism how many threads to use at most, the calling one included
   * @throws EOFException if the source ends before {@code size}
   */
  public static Digest digest(
      Source source,
      long size,
      HashAlgorithm algorithm,
      int blockSize,
      Executor helpers,
      int parallelism)
      throws IOException {
    VerityHasher tree = new VerityHasher(algorithm, blockSize);
    Worker own = new Worker(algorithm, blockSize);
    for (long start = 0; start < size; ) {
      long data = source.nextData(start, size);
      long hole = (data - start) / CHUNK * CHUNK;
      if (hole > 0) {
        tree.updateZeros(hole);
        start += hole;
        continue;
      }
      long end = data >= size ? size : Math.min(size, start + (long) WINDOW * CHUNK);
      Window window = new Window(source, start, end);
      for (int i = 1; i < Math.min(parallelism, window.chunks); i++) {
        helpers.execute(() -> window.work(new Worker(algorithm, blockSize)));
      }
      window.work(own);
      window.await();
      window.addTo(tree, blockSize);
      start = end;
    }
    return tree.digest();
  }

  /** What a thread needs to hash chunks. */
  private static final class Worker {
    final VerityHasher hasher;
    final byte[] buffer = new byte[CHUNK];

    Worker(HashAlgorithm algorithm, int blockSize) {
      hasher = new VerityHasher(algorithm, blockSize);
    }
  }

  private static final class Window {
    final Source source;
    final long start;
    final long end;
    final int chunks;
    final byte[][] hashes;
    final AtomicInteger next = new AtomicInteger();
    final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    int done;

    Window(Source source, long start, long end) {
      this.source = source;
      this.start = start;
      this.end = end;
      this.chunks = (int) ((end - start + CHUNK - 1) / CHUNK);
      this.hashes = new byte[chunks][];
    }

    /** Hashes chunks until none is left to begin. */
    void work(Worker worker) {
      for (int chunk; (chunk = next.getAndIncrement()) < chunks; ) {
        try {
          if (failure.get() == null) {
            hashes[chunk] = hash(chunk, worker);
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

    private byte[] hash(int chunk, Worker worker) throws IOException {
      long position = start + (long) chunk * CHUNK;
      int length = (int) Math.min(CHUNK, end - position);
      if (source.read(position, worker.buffer, 0, length) < length) {
        throw new EOFException("ends before byte " + (position + length));
      }
      int blockSize = worker.hasher.blockSize();
      int blocks = (length + blockSize - 1) / blockSize;
      byte[] result = new byte[blocks * worker.hasher.algorithm().size()];
      worker.hasher.hashBlocks(worker.buffer, length, result);
      return result;
    }

    /** Waits for the chunks that other threads have begun; a failure anywhere is thrown here. */
    void await() throws IOException {
      boolean interrupted = false;
      synchronized (this) {
        while (done < chunks) {
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
      switch (failure.get()) {
        case null -> {}
        case IOException e -> throw e;
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new AssertionError(failure.get());
      }
    }

    void addTo(VerityHasher tree, int blockSize) {
      for (int chunk = 0; chunk < chunks; chunk++) {
        long length = Math.min(CHUNK, end - start - (long) chunk * CHUNK);
        tree.updateHashed(hashes[chunk], (int) ((length + blockSize - 1) / blockSize), length);
      }
    }
  }
}
