package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Holds content to digests. Thread-safe; one serves any number of stores, and shares between them
 * what it remembers of a digest.
 */
public final class Verifier {
  /** As many as are likely to be of use at once. */
  private static final int HASHERS_KEPT = 16;

  final VerifyOptions options;

  /** Blocks of hashes by level and index; a whole tree under {@link TreeSource#TREE}. */
  final BoundedCache<Object> hashes;

  /** Chunks of content. */
  final BoundedCache<byte[]> data;

  final Map<Digest, TreeSource.Build> builds = new ConcurrentHashMap<>();

  /** Idle ones; each is guarded by itself. */
  private final ArrayDeque<BlockHasher> sha256 = new ArrayDeque<>();

  private final ArrayDeque<BlockHasher> sha512 = new ArrayDeque<>();

  /** Hashes that builds hold back until they know their digest to be right. */
  private final AtomicLong pending = new AtomicLong();

  private final long pendingMost;
  private final LongAdder failures = new LongAdder();
  final LongAdder treesBuilt = new LongAdder();
  final LongAdder treesLoaded = new LongAdder();
  final LongAdder bytesHashed = new LongAdder();

  /**
   * What a verifier has done and holds.
   *
   * @param failures how often content was refused
   * @param treesBuilt objects that were hashed from the beginning to the end
   * @param treesLoaded objects whose tree came from a side-car
   * @param bytesHashed bytes of content that were hashed
   * @param hashBytes memory of remembered hashes, in bytes
   * @param dataBytes memory of private copies, in bytes
   */
  public record Statistics(
      long failures,
      long treesBuilt,
      long treesLoaded,
      long bytesHashed,
      long hashBytes,
      long dataBytes) {}

  /** A verifier that remembers nothing yet. */
  public Verifier(VerifyOptions options) {
    this.options = options;
    pendingMost = options.hashBytes() / 8;
    hashes = new BoundedCache<>(options.hashBytes() - pendingMost);
    data = new BoundedCache<>(options.dataBytes());
  }

  /**
   * {@return a reader of the same bytes that checks them} It owns {@code content}. Nothing is read
   * or compared before the first read.
   *
   * @param name what messages call it, printable
   */
  public VerifiedReader open(ObjectReader content, Digest digest, String name) {
    return new VerifiedReader(this, content, digest, VerifiedReader.UNKNOWN, name);
  }

  /**
   * {@return a reader of the same bytes that checks them} It owns {@code content}, which this
   * closes if it fails.
   *
   * @param size what the content must have
   * @param name what messages call it, printable
   * @throws DigestMismatchException if the content has another size
   */
  public VerifiedReader open(ObjectReader content, Digest digest, long size, String name)
      throws IOException {
    try {
      long actual = content.size();
      if (actual != size) {
        throw failed(DigestMismatchException.size(name, size, actual));
      }
    } catch (IOException | RuntimeException e) {
      content.close();
      throw e;
    }
    return new VerifiedReader(this, content, digest, size, name);
  }

  /** {@return what was done so far, and is held now} */
  public Statistics statistics() {
    return new Statistics(
        failures.sum(),
        treesBuilt.sum(),
        treesLoaded.sum(),
        bytesHashed.sum(),
        hashes.bytes(),
        data.bytes());
  }

  /** Counts and tells a failure; returns it to be thrown. */
  DigestMismatchException failed(DigestMismatchException e) {
    failures.increment();
    VerificationFailure.tell(e);
    return e;
  }

  /** {@return whether a build may hold back so many bytes} */
  boolean reserve(long bytes) {
    if (pending.addAndGet(bytes) <= pendingMost) {
      return true;
    }
    pending.addAndGet(-bytes);
    return false;
  }

  void release(long bytes) {
    pending.addAndGet(-bytes);
  }

  BlockHasher borrow(HashAlgorithm algorithm) {
    ArrayDeque<BlockHasher> idle = idle(algorithm);
    synchronized (idle) {
      if (!idle.isEmpty()) {
        return idle.removeFirst();
      }
    }
    return new BlockHasher(algorithm);
  }

  void giveBack(HashAlgorithm algorithm, BlockHasher hasher) {
    ArrayDeque<BlockHasher> idle = idle(algorithm);
    synchronized (idle) {
      if (idle.size() < HASHERS_KEPT) {
        idle.addFirst(hasher);
      }
    }
  }

  private ArrayDeque<BlockHasher> idle(HashAlgorithm algorithm) {
    return algorithm == HashAlgorithm.SHA256 ? sha256 : sha512;
  }
}
