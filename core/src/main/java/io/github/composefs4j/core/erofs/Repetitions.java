package io.github.composefs4j.core.erofs;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Tells which of very many things come only once, from their hashes: in four bytes for each, where
 * a map would take a hundred. May err, but only by taking something for repeated.
 */
final class Repetitions {
  /** Another number in each process: nobody can prepare what collides. */
  private static final long SEED = ThreadLocalRandom.current().nextLong();

  private static final long MIX = 0x9e3779b97f4a7c15L;
  private static final int BITS_EACH = 16;
  private static final int BITS_MAX = 1 << 30;

  private final long[] once;
  private final long[] again;
  private final int mask;

  /** For about so many things. */
  Repetitions(long expected) {
    long bits = Long.highestOneBit(Math.max(64, expected)) * BITS_EACH;
    mask = (int) Math.min(bits, BITS_MAX) - 1;
    once = new long[(mask >>> 6) + 1];
    again = new long[(mask >>> 6) + 1];
  }

  /** {@return the hash of a range of bytes, which continues another hash} */
  static long hash(long seed, byte[] bytes, int from, int length) {
    long hash = (seed ^ SEED ^ length) * MIX;
    int at = from;
    int end = from + length;
    for (; at <= end - 8; at += 8) {
      hash = (hash ^ Disk.getLong(bytes, at)) * MIX;
      hash ^= hash >>> 29;
    }
    for (; at < end; at++) {
      hash = (hash ^ bytes[at]) * MIX;
    }
    return hash ^ hash >>> 32;
  }

  /** Notes that something with this hash came. */
  void add(long hash) {
    int bit = bit(hash);
    long flag = 1L << bit;
    if ((once[bit >>> 6] & flag) != 0) {
      again[bit >>> 6] |= flag;
    }
    once[bit >>> 6] |= flag;
  }

  /** Notes that something with this hash counts as repeated, however often it comes. */
  void addRepeated(long hash) {
    add(hash);
    add(hash);
  }

  /** {@return false only if nothing with this hash came more than once} */
  boolean mayRepeat(long hash) {
    int bit = bit(hash);
    return (again[bit >>> 6] & 1L << bit) != 0;
  }

  private int bit(long hash) {
    return (int) (hash * MIX >>> 32) & mask;
  }
}
