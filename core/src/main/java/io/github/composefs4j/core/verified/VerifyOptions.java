package io.github.composefs4j.core.verified;

import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import org.jspecify.annotations.Nullable;

/**
 * How much a {@link Verifier} remembers, and with what it works. Nothing here has an influence on
 * what is accepted.
 *
 * @param hashBytes the most memory for Merkle trees, in bytes; those of open readers stay in any
 *     case, without their leaves
 * @param dataBytes the most memory for private copies of content that was read, in bytes; 0 for
 *     none
 * @param kernel whether the kernel's fs-verity counts, where an object has it with the right digest
 * @param sideCars where Merkle trees may be found and kept, or null
 * @param firstReads where the first read of a large object may keep what it hashes, or null
 * @param helpers where threads may be found that help with large reads
 * @param parallelism how many threads work on one read at most, the reading one included
 */
public record VerifyOptions(
    long hashBytes,
    long dataBytes,
    boolean kernel,
    @Nullable MerkleTrees sideCars,
    @Nullable FirstReadMemory firstReads,
    Executor helpers,
    int parallelism) {
  /** 64 MiB: the leaf hashes of 8 GiB of data. */
  public static final long HASH_BYTES = 64L << 20;

  /** {@return 64 MiB of hashes, no copies of data, the common pool on all processors} */
  public static VerifyOptions defaults() {
    return new VerifyOptions(
        HASH_BYTES,
        0,
        true,
        null,
        null,
        task -> ForkJoinPool.commonPool().execute(task), // which is not there before it is needed
        Runtime.getRuntime().availableProcessors());
  }

  /** {@return these options with other bounds of memory, in bytes} */
  public VerifyOptions withMemory(long hashes, long data) {
    return new VerifyOptions(hashes, data, kernel, sideCars, firstReads, helpers, parallelism);
  }

  /** {@return these options, the kernel's fs-verity counting or not} */
  public VerifyOptions withKernel(boolean counts) {
    return new VerifyOptions(
        hashBytes, dataBytes, counts, sideCars, firstReads, helpers, parallelism);
  }

  /** {@return these options with side-cars, or without if null} */
  public VerifyOptions withSideCars(@Nullable MerkleTrees trees) {
    return new VerifyOptions(hashBytes, dataBytes, kernel, trees, firstReads, helpers, parallelism);
  }

  /** {@return these options with such memory, or without if null} */
  public VerifyOptions withFirstReads(@Nullable FirstReadMemory memory) {
    return new VerifyOptions(hashBytes, dataBytes, kernel, sideCars, memory, helpers, parallelism);
  }

  /** {@return these options with other helpers} */
  public VerifyOptions withHelpers(Executor executor, int threads) {
    return new VerifyOptions(hashBytes, dataBytes, kernel, sideCars, firstReads, executor, threads);
  }
}
