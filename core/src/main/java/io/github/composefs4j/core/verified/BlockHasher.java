package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.security.DigestException;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * Hashes blocks, and has room to read some; made once and used for many objects, most of which are
 * small. For one thread at a time.
 */
final class BlockHasher {
  private static final int BLOCK = MerkleTree.BLOCK;

  /** Bytes of {@link #scratch}: the data of one block of SHA-512 hashes. */
  static final int SCRATCH = 64 * BLOCK;

  private static final byte[] ZEROS = new byte[BLOCK];

  /** For whole objects; who uses it leaves it without bytes and without a sink. */
  final VerityHasher tree;

  private final MessageDigest hash;
  private final byte[] zeroHash;

  /** The hash made last. */
  final byte[] result;

  /** Room for whole blocks. */
  final byte[] scratch = new byte[SCRATCH];

  BlockHasher(HashAlgorithm algorithm) {
    tree = new VerityHasher(algorithm);
    hash = algorithm.newMessageDigest();
    result = new byte[algorithm.size()];
    zeroHash = hash.digest(ZEROS);
  }

  /** Hashes up to a block of bytes, zero-padded to a block, into {@link #result}. */
  void hash(byte[] bytes, int offset, int length) {
    if (length == BLOCK
        && bytes[offset] == 0
        && Arrays.equals(bytes, offset, offset + BLOCK, ZEROS, 0, BLOCK)) {
      // Sparse files have little else.
      System.arraycopy(zeroHash, 0, result, 0, result.length);
      return;
    }
    hash.update(bytes, offset, length);
    if (length < BLOCK) {
      hash.update(ZEROS, 0, BLOCK - length);
    }
    try {
      hash.digest(result, 0, result.length);
    } catch (DigestException e) {
      throw new IllegalStateException("room for a hash", e);
    }
  }

  /**
   * Hashes a range that starts at a block.
   *
   * @param filled where in {@code hashes} the first hash goes
   * @return where the next one goes
   */
  int hashAll(byte[] bytes, int offset, int length, byte[] hashes, int filled) {
    int to = filled;
    for (int at = 0; at < length; at += BLOCK, to += result.length) {
      hash(bytes, offset + at, Math.min(BLOCK, length - at));
      System.arraycopy(result, 0, hashes, to, result.length);
    }
    return to;
  }

  /** {@return whether the hash made last is the one at {@code at}} */
  boolean matches(byte[] hashes, int at) {
    return Arrays.equals(result, 0, result.length, hashes, at, at + result.length);
  }
}
