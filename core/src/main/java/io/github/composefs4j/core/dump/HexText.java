package io.github.composefs4j.core.dump;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Hex digits to bytes, eight digits at a time: a dump has 64 of them on nearly every line.
 * Reusable; for one thread.
 */
final class HexText {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long ONES = 0x0101010101010101L;
  private static final long HIGHS = 0x8080808080808080L;
  private static final long CASE_BIT = 0x2020202020202020L;

  private boolean lowerCase;

  /**
   * {@return true if the text from {@code at} is {@code 2 * size} digits, which are then {@code
   * size} bytes of {@code result}}
   *
   * @param size a multiple of 4
   */
  boolean decode(byte[] text, int at, byte[] result, int size) {
    long upper = 0;
    for (int i = 0; i < size; i += 4) {
      long word = (long) LONG.get(text, at + 2 * i);
      if ((word & HIGHS) != 0) {
        return false;
      }
      // Every byte is below 0x80, so that no sum here carries into the next byte.
      long digits = above(word, '0') & ~above(word, '9' + 1);
      long folded = word | CASE_BIT;
      long letters = above(folded, 'a') & ~above(folded, 'f' + 1) & HIGHS;
      if (((digits | letters) & HIGHS) != HIGHS) {
        return false;
      }
      upper |= letters >>> 2 & ~word;
      long nibbles = (word & 0x0f0f0f0f0f0f0f0fL) + 9 * (letters >>> 7);
      long pairs = (nibbles << 4 | nibbles >>> 8) & 0x00ff00ff00ff00ffL;
      pairs = (pairs | pairs >>> 8) & 0x0000ffff0000ffffL;
      INT.set(result, i, (int) (pairs | pairs >>> 16));
    }
    lowerCase = (upper & CASE_BIT) == 0;
    return true;
  }

  /** The high bit of each byte says whether that byte is at least {@code least}. */
  private static long above(long word, int least) {
    return word + (0x80 - least) * ONES;
  }

  /** {@return whether the digits decoded last had no capital letter} */
  boolean isLowerCase() {
    return lowerCase;
  }
}
