package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;

/**
 * A set of digests by their first 16 bytes, in primitive arrays: 21 to 27 bytes an element, so that
 * ten million take some 250 MB. That two digests have 16 bytes in common is not to be expected;
 * where it happened, a collection would keep one object too many. One part for each first byte,
 * each with its own lock. Thread-safe.
 */
final class DigestSet {
  private static final int PARTS = 256;
  private static final int START = 16;

  private final Part[] parts = new Part[PARTS];

  /** Directories that are counted for an estimate. */
  private static final int SAMPLE = 2;

  DigestSet() {
    this(0);
  }

  private DigestSet(long expected) {
    double each = (double) expected / PARTS;
    double most = each + 5 * Math.sqrt(each); // parts differ as random numbers do
    int places = (int) Math.min(1 << 29, Math.max(START, most * 4 / 3 + 2));
    for (int i = 0; i < PARTS; i++) {
      parts[i] = new Part(places);
    }
  }

  /**
   * {@return an empty set that need not grow for the objects of a repository, as far as a sample
   * tells their number: what grows leaves several times its size as garbage}
   */
  static DigestSet withRoomForObjectsOf(StoreDirectory root) throws IOException {
    long[] count = {0};
    for (int i = 0; i < SAMPLE; i++) {
      String directory = Links.OBJECTS + "/" + MetadataFile.hex(i);
      root.list(Links.bytes(directory), (_, _) -> count[0]++);
    }
    return new DigestSet(count[0] * PARTS / SAMPLE);
  }

  private Part part(Digest digest) {
    return parts[(int) (digest.word(0) >>> 56)];
  }

  /** {@return whether it is new} */
  boolean add(Digest digest) {
    return part(digest).add(digest.word(0), second(digest));
  }

  boolean contains(Digest digest) {
    return part(digest).contains(digest.word(0), second(digest));
  }

  /** {@return how many there are} */
  long size() {
    long size = 0;
    for (Part part : parts) {
      size += part.size();
    }
    return size;
  }

  /** Two zeros mark a free place. */
  private static long second(Digest digest) {
    long word = digest.word(1);
    return word == 0 ? 1 : word;
  }

  private static final class Part {
    private long[] table;
    private int count;

    Part(int places) {
      table = new long[2 * places];
    }

    synchronized int size() {
      return count;
    }

    /**
     * The place of an element, or the free place where it belongs; negated and less one if free.
     */
    private static int find(long[] table, long first, long second) {
      int places = table.length / 2;
      int at = (int) Long.remainderUnsigned(second, places);
      while (table[2 * at + 1] != 0) {
        if (table[2 * at] == first && table[2 * at + 1] == second) {
          return at;
        }
        at = at + 1 == places ? 0 : at + 1;
      }
      return -at - 1;
    }

    synchronized boolean contains(long first, long second) {
      return find(table, first, second) >= 0;
    }

    synchronized boolean add(long first, long second) {
      int at = find(table, first, second);
      if (at >= 0) {
        return false;
      }
      put(table, -at - 1, first, second);
      count++;
      if (4L * count > 3L * (table.length / 2)) {
        grow();
      }
      return true;
    }

    private static void put(long[] table, int at, long first, long second) {
      table[2 * at] = first;
      table[2 * at + 1] = second;
    }

    private void grow() {
      long[] larger = new long[2 * Math.addExact(table.length / 2, table.length / 4 + 1)];
      for (int i = 0; i < table.length; i += 2) {
        if (table[i + 1] != 0) {
          put(larger, -find(larger, table[i], table[i + 1]) - 1, table[i], table[i + 1]);
        }
      }
      table = larger;
    }
  }
}
