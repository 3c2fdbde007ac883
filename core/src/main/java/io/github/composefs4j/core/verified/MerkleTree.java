package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shape of one object's Merkle tree and its root, with the levels from 1 up unless they come
 * from a side-car. Immutable once it is built; belongs to a digest, not to a file.
 */
final class MerkleTree {
  static final int BLOCK = VerityHasher.BLOCK_SIZE;

  private final long size;
  private final byte[] root;
  private final int hashSize;

  /** Hash blocks of each level. No levels if all data is one block, whose hash is the root. */
  private final long[] counts;

  /** By level, less one, and index; null if the tree is in a side-car. */
  private final @Nullable List<List<byte[]>> upper;

  private MerkleTree(
      long size, byte[] root, int hashSize, long[] counts, @Nullable List<List<byte[]>> upper) {
    this.size = size;
    this.root = root;
    this.hashSize = hashSize;
    this.counts = counts;
    this.upper = upper;
  }

  private static long[] counts(long size, int hashSize) {
    int perBlock = BLOCK / hashSize;
    long[] counts = new long[8];
    int levels = 0;
    for (long hashes = blocks(size); hashes > 1; ) {
      hashes = (hashes - 1) / perBlock + 1;
      counts[levels++] = hashes;
    }
    return Arrays.copyOf(counts, levels);
  }

  private static long blocks(long size) {
    return size == 0 ? 0 : (size - 1) / BLOCK + 1;
  }

  /** {@return the tree whose blocks lie in a side-car} */
  static MerkleTree stored(long size, byte[] root) {
    int hashSize = root.length;
    return new MerkleTree(size, root, hashSize, counts(size, hashSize), null);
  }

  /** Collects the upper levels from a hasher. */
  static final class Builder implements VerityHasher.TreeSink {
    private final long size;
    private final int hashSize;
    private final long[] counts;
    private final List<List<byte[]>> upper = new ArrayList<>();
    private byte[] root;

    Builder(HashAlgorithm algorithm, long size) {
      this.size = size;
      this.hashSize = algorithm.size();
      this.counts = counts(size, hashSize);
      for (int level = 1; level < counts.length; level++) {
        upper.add(new ArrayList<>());
      }
      this.root = new byte[hashSize];
    }

    @Override
    public void block(int level, long index, byte[] hashes) {
      if (level > 0) {
        upper.get(level - 1).add(hashes.clone());
      }
    }

    @Override
    public void root(byte[] hash) {
      root = hash;
    }

    MerkleTree build() {
      return new MerkleTree(size, root, hashSize, counts, upper);
    }
  }

  long size() {
    return size;
  }

  byte[] root() {
    return root;
  }

  int levels() {
    return counts.length;
  }

  int hashSize() {
    return hashSize;
  }

  /** {@return how many hashes a block holds} */
  int perBlock() {
    return BLOCK / hashSize;
  }

  long dataBlocks() {
    return blocks(size);
  }

  boolean isStored() {
    return upper == null;
  }

  /** {@return a block of hashes that is kept here, or null} */
  byte @Nullable [] kept(int level, long index) {
    return upper == null || level == 0 ? null : upper.get(level - 1).get((int) index);
  }

  /** {@return the position of a block of hashes in a stored tree} */
  long storedPosition(int level, long index) {
    long before = 0;
    for (int above = counts.length - 1; above > level; above--) {
      before += counts[above];
    }
    return (before + index) * BLOCK;
  }

  /** {@return the memory of the upper levels} */
  long bytes() {
    long bytes = 128;
    for (int level = 1; level < counts.length && upper != null; level++) {
      bytes += counts[level] * (BLOCK + 24);
    }
    return bytes;
  }
}
