package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The name of a directory entry: 1 to 255 bytes without {@code /} and NUL, neither {@code .} nor
 * {@code ..}. Ordered by unsigned bytes, as directories are.
 *
 * <p>Names need not be text. Where a {@code String} cannot be avoided, one rule holds everywhere
 * ({@link #decode}): valid UTF-8 becomes the text it stands for, and any other byte <i>b</i> the
 * lone surrogate U+DC00 + <i>b</i>; {@link #encode} turns such a string back into the same bytes.
 */
public final class FileName implements Comparable<FileName> {
  private final byte[] bytes;

  private FileName(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * {@return the name with a copy of these bytes}
   *
   * @throws InvalidTreeException if they are not a name
   */
  public static FileName of(byte[] bytes) throws InvalidTreeException {
    check(bytes);
    return new FileName(bytes.clone());
  }

  /**
   * {@return the name written as text, by the rule of {@link #encode}}
   *
   * @throws InvalidTreeException if it is not a name
   */
  public static FileName of(String text) throws InvalidTreeException {
    byte[] bytes = encode(text);
    check(bytes);
    return new FileName(bytes);
  }

  /** Throws unless {@code name} can name a directory entry. */
  static void check(byte[] name) throws InvalidTreeException {
    if (name.length == 0 || name.length > Limits.NAME_MAX) {
      throw new InvalidTreeException(
          "a name has 1 to " + Limits.NAME_MAX + " bytes, not " + name.length);
    }
    if (name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'))) {
      throw new InvalidTreeException("'" + decode(name) + "' cannot be a name");
    }
    for (byte b : name) {
      if (b == '/' || b == 0) {
        throw new InvalidTreeException("name '" + printable(name) + "' holds a slash or a NUL");
      }
    }
  }

  /** {@return a copy of the name's bytes} */
  public byte[] bytes() {
    return bytes.clone();
  }

  /**
   * {@return the bytes as a string: valid UTF-8 decoded, any other byte b as the lone surrogate
   * U+DC00 + b}
   */
  public static String decode(byte[] bytes) {
    if (isWithin(bytes, 0, 0x7f)) {
      return new String(bytes, StandardCharsets.US_ASCII);
    }
    StringBuilder text = new StringBuilder(bytes.length);
    int at = 0;
    while (at < bytes.length) {
      int length = utf8Length(bytes, at);
      if (length == 0) {
        text.append((char) (0xdc00 + (bytes[at] & 0xff)));
        at++;
      } else {
        text.appendCodePoint(codePoint(bytes, at, length));
        at += length;
      }
    }
    return text.toString();
  }

  /** {@return the bytes of a string made by {@link #decode}, or of any text as UTF-8} */
  public static byte[] encode(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length() + 8);
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c < 0x80) {
        bytes.write(c);
      } else if (c < 0x800) {
        bytes.write(0xc0 | c >> 6);
        bytes.write(0x80 | c & 0x3f);
      } else if (c >= 0xdc80 && c <= 0xdcff) {
        bytes.write(c - 0xdc00);
      } else if (c < 0x10000) {
        bytes.write(0xe0 | c >> 12);
        bytes.write(0x80 | c >> 6 & 0x3f);
        bytes.write(0x80 | c & 0x3f);
      } else {
        bytes.write(0xf0 | c >> 18);
        bytes.write(0x80 | c >> 12 & 0x3f);
        bytes.write(0x80 | c >> 6 & 0x3f);
        bytes.write(0x80 | c & 0x3f);
      }
    }
    return bytes.toByteArray();
  }

  /**
   * {@return the bytes as text for a message: control characters and bytes that are not UTF-8 as
   * {@code \xhh}}
   */
  public static String printable(byte[] bytes) {
    if (isWithin(bytes, 0x20, 0x7e)) {
      return new String(bytes, StandardCharsets.US_ASCII);
    }
    StringBuilder text = new StringBuilder(bytes.length);
    String decoded = decode(bytes);
    for (int i = 0; i < decoded.length(); i++) {
      char c = decoded.charAt(i);
      boolean raw =
          c >= 0xdc80
              && c <= 0xdcff
              && (i == 0 || !Character.isHighSurrogate(decoded.charAt(i - 1)));
      if (raw || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
        int value = raw ? c - 0xdc00 : c;
        text.append("\\x")
            .append(Character.forDigit(value >> 4 & 0xf, 16))
            .append(Character.forDigit(value & 0xf, 16));
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }

  private static boolean isWithin(byte[] bytes, int least, int most) {
    for (byte b : bytes) {
      if (b < least || b > most) {
        return false;
      }
    }
    return true;
  }

  /** The length of the well-formed UTF-8 sequence at {@code at}, or 0 if there is none. */
  private static int utf8Length(byte[] bytes, int at) {
    int first = bytes[at] & 0xff;
    int length =
        first < 0x80
            ? 1
            : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || at + length > bytes.length) {
      return 0;
    }
    for (int i = 1; i < length; i++) {
      if ((bytes[at + i] & 0xc0) != 0x80) {
        return 0;
      }
    }
    if (length >= 3) {
      int c = codePoint(bytes, at, length);
      if ((length == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff)))
          || (length == 4 && (c < 0x10000 || c > 0x10ffff))) {
        return 0;
      }
    }
    return length;
  }

  private static int codePoint(byte[] bytes, int at, int length) {
    int first = bytes[at] & 0xff;
    int c = length == 1 ? first : first & (0x7f >> length);
    for (int i = 1; i < length; i++) {
      c = c << 6 | bytes[at + i] & 0x3f;
    }
    return c;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FileName that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public int compareTo(FileName that) {
    return Arrays.compareUnsigned(bytes, that.bytes);
  }

  /** {@return the name as text, by the rule of {@link #decode}} */
  @Override
  public String toString() {
    return decode(bytes);
  }
}
