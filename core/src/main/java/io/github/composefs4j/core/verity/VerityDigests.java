package io.github.composefs4j.core.verity;

import java.io.EOFException;
import java.io.IOException;
import java.util.concurrent.Executor;

/**
 * Digests of large sources, hashed in chunks by several threads. The chunks are of one size
 * whatever the number of threads, and so is the result.
 */
public final class VerityDigests {
  /** Bytes read and hashed at once, while they are in the cache: a multiple of every block size. */
  static final int CHUNK = 1 << 18;

  /** Chunks hashed before their hashes go into the tree; what bounds the memory. */
  private static final int WINDOW = 256;

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
    return digest(source, size, new VerityHasher(algorithm, blockSize), helpers, parallelism);
  }

  /**
   * {@return the digest of the first {@code size} bytes of a source, computed by this hasher, which
   * may hand out the tree; see {@link #digest(Source, long, HashAlgorithm, int, Executor, int)}}
   *
   * @param hasher nothing added to it so far
   */
  public static Digest digest(
      Source source, long size, VerityHasher hasher, Executor helpers, int parallelism)
      throws IOException {
    for (long start = 0; start < size; ) {
      long data = source.nextData(start, size);
      long hole = (data - start) / CHUNK * CHUNK;
      if (hole > 0) {
        hasher.updateZeros(hole);
        start += hole;
        continue;
      }
      long end = data >= size ? size : Math.min(size, start + (long) WINDOW * CHUNK);
      Window window = new Window(source, start, end, hasher);
      Pieces.run(window.chunks, helpers, parallelism, window::worker);
      window.addTo(hasher);
      start = end;
    }
    return hasher.digest();
  }

  private static final class Window {
    final Source source;
    final long start;
    final long end;
    final HashAlgorithm algorithm;
    final int blockSize;
    final int chunks;
    final byte[][] hashes;

    Window(Source source, long start, long end, VerityHasher hasher) {
      this.source = source;
      this.start = start;
      this.end = end;
      this.algorithm = hasher.algorithm();
      this.blockSize = hasher.blockSize();
      this.chunks = (int) ((end - start + CHUNK - 1) / CHUNK);
      this.hashes = new byte[chunks][];
    }

    Pieces.Worker worker() {
      VerityHasher hasher = new VerityHasher(algorithm, blockSize);
      byte[] buffer = new byte[CHUNK];
      return chunk -> hash(chunk, hasher, buffer);
    }

    private void hash(int chunk, VerityHasher hasher, byte[] buffer) throws IOException {
      long position = start + (long) chunk * CHUNK;
      int length = length(chunk);
      if (source.read(position, buffer, 0, length) < length) {
        throw new EOFException("ends before byte " + (position + length));
      }
      hashes[chunk] = new byte[blocks(length) * algorithm.size()];
      hasher.hashBlocks(buffer, length, hashes[chunk]);
    }

    private int length(int chunk) {
      return (int) Math.min(CHUNK, end - start - (long) chunk * CHUNK);
    }

    private int blocks(int length) {
      return (length + blockSize - 1) / blockSize;
    }

    void addTo(VerityHasher tree) {
      for (int chunk = 0; chunk < chunks; chunk++) {
        tree.updateHashed(hashes[chunk], blocks(length(chunk)), length(chunk));
      }
    }
  }
}
