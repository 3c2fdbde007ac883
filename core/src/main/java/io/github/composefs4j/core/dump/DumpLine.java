package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.errors.DumpFormatException;
import io.github.composefs4j.core.tree.FileName;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * One line cut into columns, and what can be read from a column (dump-format.md 2 to 4). Reusable.
 */
final class DumpLine {
  static final int PATH = 1;
  static final int SIZE = 2;
  static final int MODE = 3;
  static final int NLINK = 4;
  static final int UID = 5;
  static final int GID = 6;
  static final int RDEV = 7;
  static final int MTIME = 8;
  static final int PAYLOAD = 9;
  static final int CONTENT = 10;
  static final int DIGEST = 11;
  static final int XATTRS = 12;

  /** Numbers of so many digits fit in a long, whatever the radix. */
  private static final int SHORT_NUMBER = 18;

  private final String source;
  private final int[] starts = new int[XATTRS + 1];
  private final int[] ends = new int[XATTRS + 1];
  private byte[] bytes = {};
  private long number;
  private int xattr;

  DumpLine(String source) {
    this.source = source;
  }

  /** Takes the current line of {@code reader}. */
  void cut(LineReader reader) throws DumpFormatException {
    bytes = reader.bytes();
    number = reader.number();
    xattr = 0;
    int end = reader.end();
    int at = reader.start();
    if (at == end) {
      throw error(0, "the line is empty");
    }
    for (int column = PATH; column <= DIGEST; column++) {
      starts[column] = at;
      ends[column] = LineReader.find((byte) ' ', bytes, at, end);
      at = Math.min(end, ends[column] + 1);
    }
    starts[XATTRS] = at;
    ends[XATTRS] = end;
  }

  byte[] bytes() {
    return bytes;
  }

  int start(int column) {
    return starts[column];
  }

  int end(int column) {
    return ends[column];
  }

  int length(int column) {
    return ends[column] - starts[column];
  }

  long number() {
    return number;
  }

  /** Says which attribute errors are about, from 0. */
  void atXattr(int index) {
    xattr = index;
  }

  DumpFormatException error(int column, String reason) {
    return new DumpFormatException(
        source, number, column == XATTRS ? XATTRS + xattr : column, reason);
  }

  /** {@return the raw text of a column, shortened, for a message} */
  String text(int column) {
    int end = Math.min(ends[column], starts[column] + 80);
    String text = FileName.printable(Arrays.copyOfRange(bytes, starts[column], end));
    return end < ends[column] ? text + "…" : text;
  }

  /** {@return true if the raw column is {@code -}} */
  boolean isAbsent(int column) {
    return length(column) == 1 && bytes[starts[column]] == '-';
  }

  /** {@return the column's number, at most {@code max}, which is unsigned} */
  long number(int column, long max) throws DumpFormatException {
    return number(column, starts[column], ends[column], 10, max);
  }

  long number(int column, int from, int to, int radix, long max) throws DumpFormatException {
    if (to - from > SHORT_NUMBER || to == from) {
      return longNumber(column, from, to, radix, max);
    }
    long value = 0;
    for (int i = from; i < to; i++) {
      int digit = bytes[i] - '0';
      if (digit < 0 || digit >= radix) {
        throw invalidNumber(column);
      }
      value = value * radix + digit;
    }
    return inRange(column, value, max);
  }

  private long longNumber(int column, int from, int to, int radix, long max)
      throws DumpFormatException {
    long value = 0;
    boolean valid = to > from;
    for (int i = from; i < to && valid; i++) {
      int digit = bytes[i] - '0';
      valid =
          digit >= 0
              && digit < radix
              && Long.compareUnsigned(value, Long.divideUnsigned(-1L - digit, radix)) <= 0;
      value = value * radix + digit;
    }
    if (!valid) {
      throw invalidNumber(column);
    }
    return inRange(column, value, max);
  }

  private DumpFormatException invalidNumber(int column) {
    return error(column, "invalid number '" + text(column) + "'");
  }

  private long inRange(int column, long value, long max) throws DumpFormatException {
    if (Long.compareUnsigned(value, max) > 0) {
      throw error(column, "'" + text(column) + "' is out of range");
    }
    return value;
  }

  /** {@return the bytes that a column stands for} */
  byte[] unescape(int column) throws DumpFormatException {
    return unescape(column, starts[column], ends[column]);
  }

  byte[] unescape(int column, int from, int to) throws DumpFormatException {
    int escape = LineReader.find((byte) '\\', bytes, from, to);
    if (escape == to) {
      return Arrays.copyOfRange(bytes, from, to);
    }
    byte[] result = new byte[to - from];
    System.arraycopy(bytes, from, result, 0, escape - from);
    int length = escape - from;
    for (int at = escape; at < to; ) {
      byte b = bytes[at++];
      if (b != '\\') {
        result[length++] = b;
        continue;
      }
      if (at == to) {
        throw error(column, "nothing after the last '\\'");
      }
      byte kind = bytes[at++];
      switch (kind) {
        case '\\' -> result[length++] = '\\';
        case 'n' -> result[length++] = '\n';
        case 'r' -> result[length++] = '\r';
        case 't' -> result[length++] = '\t';
        case 'x' -> {
          if (to - at < 2
              || !HexFormat.isHexDigit(bytes[at] & 0xff)
              || !HexFormat.isHexDigit(bytes[at + 1] & 0xff)) {
            throw error(column, "'\\x' without two hex digits");
          }
          result[length++] =
              (byte)
                  (HexFormat.fromHexDigit(bytes[at] & 0xff) << 4
                      | HexFormat.fromHexDigit(bytes[at + 1] & 0xff));
          at += 2;
        }
        default ->
            throw error(column, "unknown escape '\\" + FileName.printable(new byte[] {kind}) + "'");
      }
    }
    return Arrays.copyOf(result, length);
  }

  /** {@return the bytes that a column stands for, which hold no NUL} */
  byte[] unescapeText(int column) throws DumpFormatException {
    byte[] text = unescape(column);
    if (LineReader.find((byte) 0, text, 0, text.length) < text.length) {
      throw error(column, "an escape makes a NUL");
    }
    return text;
  }
}
