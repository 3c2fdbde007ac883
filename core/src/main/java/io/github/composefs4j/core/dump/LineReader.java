package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.errors.DumpFormatException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;

/**
 * Cuts a channel into lines without copying them: a line is a range of {@link #bytes()} until the
 * next call.
 */
final class LineReader {
  /**
   * No legal line is longer: the two paths of a hard link have up to 2,049 names of 255 bytes, 4
   * characters each when escaped, and all other columns together stay below 110,000.
   */
  static final int LINE_MAX = 5 << 20;

  private static final int BLOCK = 1 << 20;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long ONES = 0x0101010101010101L;
  private static final long HIGHS = 0x8080808080808080L;

  private final ReadableByteChannel channel;
  private final String source;
  private byte[] bytes = new byte[2 * BLOCK];
  private int filled;
  private int start;
  private int end;
  private int next;
  private long number;
  private boolean eof;
  private boolean terminated = true;

  LineReader(ReadableByteChannel channel, String source) {
    this.channel = channel;
    this.source = source;
  }

  /**
   * {@return true if it moved to the next line}
   *
   * @throws DumpFormatException if the line is too long, or holds a NUL
   */
  boolean next() throws IOException {
    start = next;
    int searched = start;
    while (true) {
      int at = findLineEnd(searched);
      if (at < filled) {
        end = at;
        next = at + 1;
        number++;
        return true;
      }
      searched = filled - start;
      if (eof) {
        if (start == filled) {
          return false;
        }
        end = filled;
        next = filled;
        number++;
        terminated = false;
        return true;
      }
      if (filled - start > LINE_MAX) {
        throw new DumpFormatException(
            source, number + 1, 0, "the line is longer than " + LINE_MAX + " bytes");
      }
      fill();
      searched += start;
    }
  }

  /** As {@link #find} of a line feed in what is filled; looks for NULs by the way. */
  private int findLineEnd(int from) throws DumpFormatException {
    int at = from;
    while (true) {
      for (; at <= filled - 8; at += 8) {
        long word = (long) LONG.get(bytes, at);
        long feeds = word ^ '\n' * ONES;
        if ((((word - ONES) & ~word | (feeds - ONES) & ~feeds) & HIGHS) != 0) {
          break;
        }
      }
      int end = Math.min(at + 8, filled);
      for (; at < end; at++) {
        if (bytes[at] == '\n') {
          return at;
        }
        if (bytes[at] == 0) {
          throw new DumpFormatException(
              source, number + 1, 0, "NUL byte at position " + (at - start));
        }
      }
      if (at == filled) {
        return filled;
      }
    }
  }

  private void fill() throws IOException {
    if (start > 0) {
      System.arraycopy(bytes, start, bytes, 0, filled - start);
      filled -= start;
      start = 0;
    }
    if (bytes.length - filled < BLOCK) {
      bytes = Arrays.copyOf(bytes, 2 * bytes.length);
    }
    int read = channel.read(ByteBuffer.wrap(bytes, filled, BLOCK));
    if (read < 0) {
      eof = true;
    } else {
      filled += read;
    }
  }

  byte[] bytes() {
    return bytes;
  }

  int start() {
    return start;
  }

  int end() {
    return end;
  }

  /** {@return the line's number from 1} */
  long number() {
    return number;
  }

  /** {@return false once the last line turned out to have no line feed} */
  boolean terminated() {
    return terminated;
  }

  /** {@return the position of the first {@code wanted} in the range, or {@code to}} */
  static int find(byte wanted, byte[] bytes, int from, int to) {
    long pattern = (wanted & 0xffL) * ONES;
    int at = from;
    for (; at <= to - 8; at += 8) {
      long word = (long) LONG.get(bytes, at) ^ pattern;
      long hit = (word - ONES) & ~word & HIGHS;
      if (hit != 0) {
        return at + (Long.numberOfTrailingZeros(hit) >> 3);
      }
    }
    for (; at < to; at++) {
      if (bytes[at] == wanted) {
        return at;
      }
    }
    return to;
  }
}
