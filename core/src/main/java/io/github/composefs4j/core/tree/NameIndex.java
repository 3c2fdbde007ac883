package io.github.composefs4j.core.tree;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Where names are in an unsorted array: a hash table of positions, 8 to 16 bytes a name. The array
 * is handed in with every call, since its owner lets it grow.
 */
final class NameIndex {
  /** Another number in each process: nobody can prepare names that collide. */
  private static final long SEED = ThreadLocalRandom.current().nextLong();

  private static final long MIX = 0x9e3779b97f4a7c15L;

  /** Position plus 1 at the name's hash or in the next free slot; at most half full. */
  private int[] slots;

  NameIndex(byte[][] names, int count) {
    slots = new int[Integer.highestOneBit(Math.max(count, 4)) << 2];
    for (int i = 0; i < count; i++) {
      insert(names, i);
    }
  }

  /** {@return the position of {@code name}, or -1} */
  int find(byte[][] names, byte[] name) {
    for (int slot = slot(name); slots[slot] != 0; slot = slot + 1 & slots.length - 1) {
      int at = slots[slot] - 1;
      if (Arrays.equals(names[at], name)) {
        return at;
      }
    }
    return -1;
  }

  /** Adds the last of {@code position + 1} names, which is not in the table. */
  void add(byte[][] names, int position) {
    if (position >= slots.length >> 1) {
      slots = new int[slots.length << 1];
      for (int i = 0; i < position; i++) {
        insert(names, i);
      }
    }
    insert(names, position);
  }

  private void insert(byte[][] names, int position) {
    int slot = slot(names[position]);
    while (slots[slot] != 0) {
      slot = slot + 1 & slots.length - 1;
    }
    slots[slot] = position + 1;
  }

  private int slot(byte[] name) {
    return (int) (hash(name) >>> 32) & slots.length - 1;
  }

  /** {@return a hash that no input can foresee} */
  static long hash(byte[] bytes) {
    long hash = SEED;
    for (byte b : bytes) {
      hash = (hash ^ b) * MIX;
      hash ^= hash >>> 29;
    }
    return hash;
  }
}
