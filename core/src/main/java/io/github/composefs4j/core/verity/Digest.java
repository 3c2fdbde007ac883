package io.github.composefs4j.core.verity;

import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * An fs-verity digest: the name of an object or of an image. Immutable; ordered by bytes.
 *
 * <p>The first 32 bytes lie in the object itself rather than in an array of their own: a tree of
 * millions of files holds one of these for each.
 */
public final class Digest implements Comparable<Digest> {
  private final long word0;
  private final long word1;
  private final long word2;
  private final long word3;

  /** Words 4 to 7 of a SHA-512 digest. */
  private final long @Nullable [] rest;

  private Digest(byte[] bytes, int offset, int size) {
    word0 = getLong(bytes, offset);
    word1 = getLong(bytes, offset + 8);
    word2 = getLong(bytes, offset + 16);
    word3 = getLong(bytes, offset + 24);
    if (size == HashAlgorithm.SHA256.size()) {
      rest = null;
    } else {
      long[] words = new long[4];
      for (int i = 0; i < 4; i++) {
        words[i] = getLong(bytes, offset + 32 + 8 * i);
      }
      rest = words;
    }
  }

  private Digest(long[] words, int offset, int size) {
    word0 = words[offset];
    word1 = words[offset + 1];
    word2 = words[offset + 2];
    word3 = words[offset + 3];
    rest =
        size == HashAlgorithm.SHA256.size()
            ? null
            : Arrays.copyOfRange(words, offset + 4, offset + 8);
  }

  /** {@return the digest that {@link #copyWordsTo} has put into {@code words}} */
  public static Digest ofWords(HashAlgorithm algorithm, long[] words, int offset) {
    return new Digest(words, offset, algorithm.size());
  }

  /**
   * Writes the digest as numbers of eight bytes each, the first byte highest, {@code
   * algorithm().size() / 8} of them.
   */
  public void copyWordsTo(long[] target, int offset) {
    target[offset] = word0;
    target[offset + 1] = word1;
    target[offset + 2] = word2;
    target[offset + 3] = word3;
    if (rest != null) {
      System.arraycopy(rest, 0, target, offset + 4, rest.length);
    }
  }

  /** {@return the digest whose bytes start at {@code offset} of {@code bytes}} */
  public static Digest of(HashAlgorithm algorithm, byte[] bytes, int offset) {
    return new Digest(bytes, offset, algorithm.size());
  }

  /**
   * {@return the digest with exactly these bytes}
   *
   * @throws IllegalArgumentException if {@code bytes} is neither 32 (SHA-256) nor 64 (SHA-512) long
   */
  public static Digest of(byte[] bytes) {
    if (bytes.length != HashAlgorithm.SHA256.size()
        && bytes.length != HashAlgorithm.SHA512.size()) {
      throw new IllegalArgumentException("a digest has 32 or 64 bytes, not " + bytes.length);
    }
    return new Digest(bytes, 0, bytes.length);
  }

  /**
   * {@return the digest written as 64 or 128 hex digits of either case}
   *
   * @throws IllegalArgumentException if {@code hex} is anything else
   */
  public static Digest parse(String hex) {
    return of(HexFormat.of().parseHex(hex));
  }

  /** {@return the hash function, told from the length} */
  public HashAlgorithm algorithm() {
    return rest == null ? HashAlgorithm.SHA256 : HashAlgorithm.SHA512;
  }

  /**
   * Writes the digest's bytes, {@code algorithm().size()} of them, into {@code target} from {@code
   * offset}.
   */
  public void copyTo(byte[] target, int offset) {
    putLong(target, offset, word0);
    putLong(target, offset + 8, word1);
    putLong(target, offset + 16, word2);
    putLong(target, offset + 24, word3);
    if (rest != null) {
      for (int i = 0; i < 4; i++) {
        putLong(target, offset + 32 + 8 * i, rest[i]);
      }
    }
  }

  /**
   * {@return eight bytes of the digest as a number, the first byte highest}
   *
   * @param index 0 to 3: which eight of the first 32 bytes
   */
  public long word(int index) {
    return switch (index) {
      case 0 -> word0;
      case 1 -> word1;
      case 2 -> word2;
      case 3 -> word3;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  /** {@return a new array with the digest's bytes} */
  public byte[] bytes() {
    byte[] bytes = new byte[algorithm().size()];
    copyTo(bytes, 0);
    return bytes;
  }

  /** {@return the digest as lower-case hex} */
  public String hex() {
    return HexFormat.of().formatHex(bytes());
  }

  /** {@return the length of {@link #objectPath()} in bytes: two hex digits a byte and a slash} */
  public int objectPathLength() {
    return 2 * algorithm().size() + 1;
  }

  /**
   * {@return the object's path below an object directory: two hex digits, {@code /}, the remaining
   * digits}
   */
  public byte[] objectPath() {
    byte[] path = new byte[objectPathLength()];
    copyObjectPathTo(path, 0);
    return path;
  }

  /** Writes {@link #objectPath()} into {@code target} from {@code offset}. */
  public void copyObjectPathTo(byte[] target, int offset) {
    putHex(target, offset + 1, word0);
    target[offset] = target[offset + 1];
    target[offset + 1] = target[offset + 2];
    target[offset + 2] = '/';
    putHex(target, offset + 17, word1);
    putHex(target, offset + 33, word2);
    putHex(target, offset + 49, word3);
    if (rest != null) {
      int at = offset + 65;
      for (long word : rest) {
        putHex(target, at, word);
        at += 16;
      }
    }
  }

  // Byte by byte: the best compiler makes fewer of it, and in programs that are over before it
  // comes, a handle costs more than the bytes.

  private static long getLong(byte[] b, int at) {
    return (long) getInt(b, at) << 32 | getInt(b, at + 4) & 0xffff_ffffL;
  }

  private static int getInt(byte[] b, int at) {
    return b[at] << 24 | (b[at + 1] & 0xff) << 16 | (b[at + 2] & 0xff) << 8 | b[at + 3] & 0xff;
  }

  private static void putLong(byte[] b, int at, long value) {
    putInt(b, at, (int) (value >>> 32));
    putInt(b, at + 4, (int) value);
  }

  private static void putInt(byte[] b, int at, int value) {
    b[at] = (byte) (value >> 24);
    b[at + 1] = (byte) (value >> 16);
    b[at + 2] = (byte) (value >> 8);
    b[at + 3] = (byte) value;
  }

  /** Writes 16 hex digits. */
  private static void putHex(byte[] target, int at, long word) {
    putLong(target, at, hex((int) (word >>> 32)));
    putLong(target, at + 8, hex((int) word));
  }

  /** {@return the hex digits of a number, the first in the highest byte} */
  private static long hex(int word) {
    long x = word & 0xffff_ffffL;
    x = (x << 16 | x) & 0x0000ffff_0000ffffL;
    x = (x << 8 | x) & 0x00ff00ff_00ff00ffL;
    x = (x << 4 | x) & 0x0f0f0f0f_0f0f0f0fL; // a digit a byte
    long letters = x + 0x06060606_06060606L >>> 4 & 0x01010101_01010101L;
    return x + 0x30303030_30303030L + letters * ('a' - '0' - 10);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Digest that
        && word0 == that.word0
        && word1 == that.word1
        && word2 == that.word2
        && word3 == that.word3
        && Arrays.equals(rest, that.rest);
  }

  /** {@return a part of the digest: it is as good as random already} */
  @Override
  public int hashCode() {
    return (int) word1;
  }

  @Override
  public int compareTo(Digest that) {
    int order = Long.compareUnsigned(word0, that.word0);
    if (order == 0) {
      order = Long.compareUnsigned(word1, that.word1);
    }
    if (order == 0) {
      order = Long.compareUnsigned(word2, that.word2);
    }
    if (order == 0) {
      order = Long.compareUnsigned(word3, that.word3);
    }
    if (order == 0) {
      order = Arrays.compareUnsigned(rest, that.rest);
    }
    return order;
  }

  /** {@return the digest as lower-case hex} */
  @Override
  public String toString() {
    return hex();
  }
}
