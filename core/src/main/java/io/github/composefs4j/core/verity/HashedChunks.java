package io.github.composefs4j.core.verity;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The chunks of one source: begun in order by any number of threads, hashed beside each other, and
 * added to the tree in order, by whichever thread has hashed what the tree waits for. No thread
 * waits for another before the end, unless that one is far behind.
 */
final class HashedChunks {
  private static final int CHUNK = VerityDigests.CHUNK;

  /** Chunks begun and not in the tree yet; what bounds the memory. */
  private static final int WINDOW = 256;

  /** How far a source is asked for holes ahead: one call for so many bytes. */
  private static final long PROBE = (long) WINDOW * CHUNK;

  private final VerityDigests.Source source;
  private final long size;
  private final VerityHasher tree;

  // What follows is guarded by this.

  private final Queue<Chunk> begun = new ArrayDeque<>();

  /** The first byte that nobody has begun. */
  private long next;

  /** Where the source is asked for a hole again. */
  private long probe;

  private @Nullable Throwable failure;

  /** Chunks that threads are at. */
  private int active;

  private static final class Chunk {
    final long start;
    final long length;
    final boolean hole;
    byte @Nullable [] hashes;

    Chunk(long start, long length, boolean hole) {
      this.start = start;
      this.length = length;
      this.hole = hole;
    }
  }

  HashedChunks(VerityDigests.Source source, long size, VerityHasher tree) {
    this.source = source;
    this.size = size;
    this.tree = tree;
  }

  /** Hashes chunks until all are begun, or one has failed, which {@link #await} tells. */
  void work() {
    VerityHasher hasher = null;
    byte[] buffer = {};
    try {
      for (Chunk chunk; (chunk = begin()) != null; ) {
        byte[] hashes = null;
        try {
          if (hasher == null) {
            hasher = new VerityHasher(tree.algorithm(), tree.blockSize());
            buffer = new byte[CHUNK];
          }
          hashes = hash(chunk, hasher, buffer);
        } finally {
          end(chunk, hashes);
        }
      }
    } catch (IOException | RuntimeException | Error e) {
      fail(e);
    }
  }

  /**
   * Waits until all is in the tree, or until one chunk has failed and no thread is at another.
   *
   * @throws IOException the first failure in any thread
   */
  synchronized void await() throws IOException {
    waitFor(0);
    if (failure != null) {
      Pieces.rethrow(failure);
    }
  }

  private byte[] hash(Chunk chunk, VerityHasher hasher, byte[] buffer) throws IOException {
    int length = (int) chunk.length;
    if (source.read(chunk.start, buffer, 0, length) < length) {
      throw new EOFException("ends before byte " + (chunk.start + length));
    }
    byte[] hashes = new byte[blocks(length) * tree.algorithm().size()];
    hasher.hashBlocks(buffer, length, hashes);
    return hashes;
  }

  private int blocks(int length) {
    return (length + tree.blockSize() - 1) / tree.blockSize();
  }

  /** {@return the next chunk, or null if there is nothing to begin any more} */
  private synchronized @Nullable Chunk begin() throws IOException {
    waitFor(WINDOW - 1);
    while (failure == null && next < size) {
      if (next >= probe) {
        long hole = (source.nextData(next, size) - next) / CHUNK * CHUNK;
        if (hole > 0) {
          begun.add(new Chunk(next, hole, true));
          next += hole;
          addInOrder();
          continue;
        }
        probe = next + PROBE;
      }
      Chunk chunk = new Chunk(next, Math.min(CHUNK, size - next), false);
      begun.add(chunk);
      next += chunk.length;
      active++;
      return chunk;
    }
    return null;
  }

  private synchronized void end(Chunk chunk, byte @Nullable [] hashes) {
    active--;
    chunk.hashes = hashes;
    addInOrder();
    notifyAll();
  }

  private synchronized void fail(Throwable e) {
    failure = failure == null ? e : failure;
    notifyAll();
  }

  private void addInOrder() {
    for (Chunk first; (first = begun.peek()) != null; begun.remove()) {
      if (first.hole) {
        tree.updateZeros(first.length);
      } else if (first.hashes != null) {
        tree.updateHashed(first.hashes, blocks((int) first.length), first.length);
      } else {
        return;
      }
    }
  }

  /**
   * Waits until at most so many are begun, or one has failed: then, for 0, until none is at work.
   */
  private void waitFor(int most) {
    boolean interrupted = false;
    while (failure == null ? begun.size() > most : most == 0 && active > 0) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
