package io.github.composefs4j.core.verity;

import java.security.DigestException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Computes fs-verity digests of a stream of bytes. Of the Merkle tree only the open block of each
 * level is in memory. Reusable after {@link #digest}; for one thread.
 */
public final class VerityHasher {
  /** The block size of everything that composefs stores, in bytes. */
  public static final int BLOCK_SIZE = 4096;

  /** The smallest and the largest block size that fs-verity knows, in bytes. */
  public static final int BLOCK_SIZE_MIN = 1024;

  /** See {@link #BLOCK_SIZE_MIN}. */
  public static final int BLOCK_SIZE_MAX = 65536;

  private static final int DESCRIPTOR_SIZE = 256;
  private static final int ROOT_HASH = 16;

  /** Receives the Merkle tree while a hasher computes it. */
  public interface TreeSink {
    /**
     * Takes a block of hashes, zero-padded; those of one level come in order.
     *
     * @param level 0 for the hashes of data blocks
     * @param index of the block in its level
     * @param hashes the block, valid during the call
     */
    void block(int level, long index, byte[] hashes);

    /** Takes the root hash, at the end; there is none of no bytes. */
    void root(byte[] hash);
  }

  private final HashAlgorithm algorithm;
  private final MessageDigest hash;
  private final int hashSize;
  private final int blockSize;
  private final byte[] block;
  private final byte[] scratch;

  /** Never written to. */
  private final byte[] zeros;

  /** The hash of a block of zeros, once it was needed. */
  private byte @Nullable [] zeroHash;

  private @Nullable TreeSink sink;

  /** Level 0 holds the hashes of data blocks, each further level those of blocks of hashes. */
  private final List<Level> levels = new ArrayList<>();

  private int filled;
  private long size;

  private static final class Level {
    final byte[] hashes;
    int filled;
    long blocks;

    Level(int blockSize) {
      hashes = new byte[blockSize];
    }
  }

  /** A hasher for 4096-byte blocks. */
  public VerityHasher(HashAlgorithm algorithm) {
    this(algorithm, BLOCK_SIZE);
  }

  /**
   * A hasher for blocks of any size.
   *
   * @param blockSize a power of two from {@link #BLOCK_SIZE_MIN} to {@link #BLOCK_SIZE_MAX}
   * @throws IllegalArgumentException if the block size is another
   */
  public VerityHasher(HashAlgorithm algorithm, int blockSize) {
    this(algorithm, blockSize, null);
  }

  /**
   * A hasher that hands out the Merkle tree.
   *
   * @param blockSize a power of two from {@link #BLOCK_SIZE_MIN} to {@link #BLOCK_SIZE_MAX}
   * @throws IllegalArgumentException if the block size is another
   */
  public VerityHasher(HashAlgorithm algorithm, int blockSize, @Nullable TreeSink sink) {
    if (blockSize < BLOCK_SIZE_MIN
        || blockSize > BLOCK_SIZE_MAX
        || Integer.bitCount(blockSize) != 1) {
      throw new IllegalArgumentException(
          "block size " + blockSize + " is no power of two from 1024 to 65536");
    }
    this.algorithm = algorithm;
    this.hash = algorithm.newMessageDigest();
    this.hashSize = algorithm.size();
    this.blockSize = blockSize;
    this.block = new byte[blockSize];
    this.scratch = new byte[hashSize];
    this.zeros = new byte[blockSize];
    this.sink = sink;
  }

  /** {@return the digest of these bytes in 4096-byte blocks} */
  public static Digest digest(HashAlgorithm algorithm, byte[] bytes) {
    VerityHasher hasher = new VerityHasher(algorithm);
    hasher.update(bytes, 0, bytes.length);
    return hasher.digest();
  }

  /** {@return the hash function} */
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  /** {@return the block size in bytes} */
  public int blockSize() {
    return blockSize;
  }

  /**
   * Adds bytes. Fastest when the calls' lengths are multiples of the block size: then nothing is
   * copied.
   */
  public void update(byte[] bytes, int offset, int length) {
    int at = offset;
    int left = length;
    size += length;
    if (filled > 0) {
      int part = Math.min(left, blockSize - filled);
      System.arraycopy(bytes, at, block, filled, part);
      filled += part;
      at += part;
      left -= part;
      if (filled < blockSize) {
        return;
      }
      addHashOf(0, block, 0);
      filled = 0;
    }
    for (; left >= blockSize; at += blockSize, left -= blockSize) {
      addHashOf(0, bytes, at);
    }
    System.arraycopy(bytes, at, block, 0, left);
    filled = left;
  }

  /**
   * Adds whole data blocks by their hashes, which lie one after the other. Only between whole
   * blocks.
   */
  void updateHashed(byte[] hashes, int blocks, long bytes) {
    if (filled > 0) {
      throw new IllegalStateException("in the middle of a block");
    }
    size += bytes;
    for (int i = 0; i < blocks; i++) {
      addHash(0, hashes, i * hashSize);
    }
  }

  /**
   * Writes the hashes of all blocks of a range from 0, the last one zero-padded in place, into
   * {@code hashes}.
   *
   * @return the number of blocks
   */
  int hashBlocks(byte[] bytes, int length, byte[] hashes) {
    int count = 0;
    for (int at = 0; at < length; at += blockSize, count++) {
      if (length - at < blockSize) {
        zero(bytes, length, at + blockSize);
      }
      hashBlock(bytes, at, hashes, count * hashSize);
    }
    return count;
  }

  /** {@return the digest of all bytes since the last call, or since the beginning} */
  public Digest digest() {
    if (filled > 0) {
      zero(block, filled, blockSize);
      addHashOf(0, block, 0);
    }
    byte[] descriptor = descriptor(algorithm, blockSize, size);
    if (size > 0) {
      byte[] root = rootHash();
      System.arraycopy(root, 0, descriptor, ROOT_HASH, hashSize);
      if (sink != null) {
        sink.root(Arrays.copyOf(root, hashSize));
      }
    }
    hash(descriptor, 0, DESCRIPTOR_SIZE, scratch, 0);
    Digest digest = Digest.of(algorithm, scratch, 0);
    reset();
    return digest;
  }

  private static byte[] descriptor(HashAlgorithm algorithm, int blockSize, long size) {
    byte[] descriptor = new byte[DESCRIPTOR_SIZE];
    descriptor[0] = 1;
    descriptor[1] = (byte) algorithm.id();
    descriptor[2] = (byte) Integer.numberOfTrailingZeros(blockSize);
    for (int i = 0; i < 8; i++) {
      descriptor[8 + i] = (byte) (size >> 8 * i);
    }
    return descriptor;
  }

  /**
   * {@return the digest of content in 4096-byte blocks with this size and this root hash}
   *
   * @param rootHash of the Merkle tree; zeros if there are no bytes
   */
  public static Digest digest(HashAlgorithm algorithm, long size, byte[] rootHash) {
    byte[] descriptor = descriptor(algorithm, BLOCK_SIZE, size);
    System.arraycopy(rootHash, 0, descriptor, ROOT_HASH, algorithm.size());
    return Digest.of(algorithm, algorithm.newMessageDigest().digest(descriptor), 0);
  }

  /** Forgets all bytes, and hands the tree of those to come to a sink, or to none. */
  public void reset(@Nullable TreeSink other) {
    reset();
    sink = other;
  }

  /** Forgets all bytes since the last {@link #digest}. */
  public void reset() {
    for (Level level : levels) {
      level.filled = 0;
      level.blocks = 0;
    }
    filled = 0;
    size = 0;
  }

  private byte[] rootHash() {
    int perBlock = blockSize / hashSize;
    long hashes = (size - 1) / blockSize + 1;
    int level = 0;
    for (; hashes > 1; hashes = (hashes - 1) / perBlock + 1, level++) {
      Level open = levels.get(level);
      if (open.filled > 0) {
        zero(open.hashes, open.filled, blockSize);
        complete(level, open);
      }
    }
    return levels.get(level).hashes;
  }

  /** Less than a block. A copy is fast from the first time on, a loop once it is compiled well. */
  private void zero(byte[] bytes, int from, int to) {
    System.arraycopy(zeros, 0, bytes, from, to - from);
  }

  private void addHashOf(int level, byte[] bytes, int offset) {
    hashBlock(bytes, offset, scratch, 0);
    addHash(level, scratch, 0);
  }

  /** Most blocks that are zero belong to sparse files, which have nothing else for long. */
  private void hashBlock(byte[] bytes, int offset, byte[] out, int at) {
    if (bytes[offset] != 0
        || !Arrays.equals(bytes, offset, offset + blockSize, zeros, 0, blockSize)) {
      hash(bytes, offset, blockSize, out, at);
      return;
    }
    System.arraycopy(zeroHash(), 0, out, at, hashSize);
  }

  private byte[] zeroHash() {
    byte[] known = zeroHash;
    if (known == null) {
      known = new byte[hashSize];
      hash(zeros, 0, blockSize, known, 0);
      zeroHash = known;
    }
    return known;
  }

  /** Adds zero bytes without looking at any. */
  void updateZeros(long length) {
    long left = length;
    while (left > 0 && (filled > 0 || left < blockSize)) {
      int part = (int) Math.min(left, blockSize - filled);
      update(zeros, 0, part);
      left -= part;
    }
    size += left - left % blockSize;
    for (; left >= blockSize; left -= blockSize) {
      addHash(0, zeroHash(), 0);
    }
    update(zeros, 0, (int) left);
  }

  private void addHash(int level, byte[] from, int offset) {
    if (level == levels.size()) {
      levels.add(new Level(blockSize));
    }
    Level open = levels.get(level);
    System.arraycopy(from, offset, open.hashes, open.filled, hashSize);
    open.filled += hashSize;
    if (open.filled == blockSize) {
      complete(level, open);
    }
  }

  private void complete(int level, Level open) {
    if (sink != null) {
      sink.block(level, open.blocks, open.hashes);
    }
    open.blocks++;
    open.filled = 0;
    addHashOf(level + 1, open.hashes, 0);
  }

  private void hash(byte[] bytes, int offset, int length, byte[] out, int at) {
    hash.update(bytes, offset, length);
    try {
      hash.digest(out, at, hashSize);
    } catch (DigestException e) {
      throw new IllegalStateException("room for a hash", e);
    }
  }
}
