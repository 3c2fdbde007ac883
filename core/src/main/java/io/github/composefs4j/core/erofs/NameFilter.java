package io.github.composefs4j.core.erofs;

/**
 * The xattr name filter of an inode: 32 bits, a set bit promises that no xattr of the names that
 * hash to it exists (erofs-image.md 5.7). The hash is XXH32.
 */
final class NameFilter {
  private static final int SEED = 0x25bbe08f;
  private static final int P1 = 0x9e3779b1;
  private static final int P2 = 0x85ebca77;
  private static final int P3 = 0xc2b2ae3d;
  private static final int P4 = 0x27d4eb2f;
  private static final int P5 = 0x165667b1;

  private NameFilter() {}

  /** {@return the mask with the one bit of this name set} */
  static int bit(int prefixIndex, byte[] name, int suffixOffset, int suffixLength) {
    return 1 << (xxh32(name, suffixOffset, suffixLength, SEED + prefixIndex) & 31);
  }

  static int xxh32(byte[] bytes, int offset, int length, int seed) {
    int at = offset;
    int end = offset + length;
    int h;
    if (length >= 16) {
      int lane1 = seed + P1 + P2;
      int lane2 = seed + P2;
      int lane3 = seed;
      int lane4 = seed - P1;
      for (; at <= end - 16; at += 16) {
        lane1 = round(lane1, Disk.getInt(bytes, at));
        lane2 = round(lane2, Disk.getInt(bytes, at + 4));
        lane3 = round(lane3, Disk.getInt(bytes, at + 8));
        lane4 = round(lane4, Disk.getInt(bytes, at + 12));
      }
      h =
          Integer.rotateLeft(lane1, 1)
              + Integer.rotateLeft(lane2, 7)
              + Integer.rotateLeft(lane3, 12)
              + Integer.rotateLeft(lane4, 18);
    } else {
      h = seed + P5;
    }
    h += length;
    for (; at <= end - 4; at += 4) {
      h = Integer.rotateLeft(h + Disk.getInt(bytes, at) * P3, 17) * P4;
    }
    for (; at < end; at++) {
      h = Integer.rotateLeft(h + (bytes[at] & 0xff) * P5, 11) * P1;
    }
    h ^= h >>> 15;
    h *= P2;
    h ^= h >>> 13;
    h *= P3;
    return h ^ h >>> 16;
  }

  private static int round(int lane, int word) {
    return Integer.rotateLeft(lane + word * P2, 13) * P1;
  }
}
