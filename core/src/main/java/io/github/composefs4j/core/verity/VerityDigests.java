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
    HashedChunks chunks = new HashedChunks(source, size, hasher);
    long count = (size + CHUNK - 1) / CHUNK;
    for (int i = 1; i < Math.min(parallelism, count); i++) {
      helpers.execute(chunks::work);
    }
    chunks.work();
    chunks.await();
    return hasher.digest();
  }
}
