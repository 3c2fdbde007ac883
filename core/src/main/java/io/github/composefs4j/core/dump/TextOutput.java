package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Buffered text of dumps and listings: numbers, escaped bytes (dump-format.md 11.2). Not
 * thread-safe.
 */
final class TextOutput {
  /** Which bytes besides printable ASCII stay as they are, or do not. */
  enum Escape {
    /** Paths of a dump, symlink targets and object paths of a listing: 0x21 to 0x7E. */
    PLAIN(false, false),
    /** Paths of a listing: also spaces. */
    LISTED(true, false),
    /** Keys and values: not {@code =}. */
    XATTR(false, true);

    @SuppressWarnings("ImmutableEnumChecker") // filled once, never handed out
    private final boolean[] raw = new boolean[256];

    Escape(boolean space, boolean noEquals) {
      for (int c = 0x21; c < 0x7f; c++) {
        raw[c] = true;
      }
      raw['\\'] = false;
      raw[' '] = space;
      raw['='] = !noEquals;
    }
  }

  private static final byte[] HEX = {
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
  };
  private static final int ESCAPED_MAX = 4;

  private final OutputStream out;
  private final byte[] buffer = new byte[1 << 18];
  private final byte[] scratch = new byte[64];
  private int at;

  TextOutput(OutputStream out) {
    this.out = out;
  }

  private void room(int bytes) throws IOException {
    if (buffer.length - at < bytes) {
      flush();
    }
  }

  void put(char c) throws IOException {
    room(1);
    buffer[at++] = (byte) c;
  }

  /** Writes the number with the digits of this radix, at most 10. */
  void number(long value, int radix) throws IOException {
    room(24);
    if (value < 0) {
      byte[] digits =
          Long.toUnsignedString(value, radix).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      System.arraycopy(digits, 0, buffer, at, digits.length);
      at += digits.length;
      return;
    }
    int end = scratch.length;
    long left = value;
    do {
      scratch[--end] = (byte) ('0' + left % radix);
      left /= radix;
    } while (left != 0);
    System.arraycopy(scratch, end, buffer, at, scratch.length - end);
    at += scratch.length - end;
  }

  void signed(long value) throws IOException {
    if (value < 0) {
      put('-');
      number(-value, 10);
    } else {
      number(value, 10);
    }
  }

  void digest(Digest digest) throws IOException {
    digest.copyTo(scratch, 0);
    int size = digest.algorithm().size();
    room(2 * size);
    for (int i = 0; i < size; i++) {
      buffer[at++] = HEX[scratch[i] >> 4 & 0xf];
      buffer[at++] = HEX[scratch[i] & 0xf];
    }
  }

  void raw(byte[] bytes, int from, int length) throws IOException {
    int done = 0;
    while (done < length) {
      room(1);
      int part = Math.min(length - done, buffer.length - at);
      System.arraycopy(bytes, from + done, buffer, at, part);
      at += part;
      done += part;
    }
  }

  void escaped(byte[] bytes, int from, int length, Escape escape) throws IOException {
    boolean[] raw = escape.raw;
    for (int i = from; i < from + length; i++) {
      if (buffer.length - at < ESCAPED_MAX) {
        flush();
      }
      byte b = bytes[i];
      if (raw[b & 0xff]) {
        buffer[at++] = b;
        continue;
      }
      buffer[at++] = '\\';
      switch (b) {
        case '\\' -> buffer[at++] = '\\';
        case '\n' -> buffer[at++] = 'n';
        case '\r' -> buffer[at++] = 'r';
        case '\t' -> buffer[at++] = 't';
        default -> {
          buffer[at++] = 'x';
          buffer[at++] = HEX[b >> 4 & 0xf];
          buffer[at++] = HEX[b & 0xf];
        }
      }
    }
  }

  /** An optional column: absent is {@code -}, and the text of one {@code -} is escaped. */
  void column(byte @Nullable [] bytes) throws IOException {
    if (bytes == null) {
      put('-');
    } else if (bytes.length == 1 && bytes[0] == '-') {
      room(4);
      buffer[at++] = '\\';
      buffer[at++] = 'x';
      buffer[at++] = '2';
      buffer[at++] = 'd';
    } else {
      escaped(bytes, 0, bytes.length, Escape.PLAIN);
    }
  }

  void flush() throws IOException {
    out.write(buffer, 0, at);
    at = 0;
  }
}
