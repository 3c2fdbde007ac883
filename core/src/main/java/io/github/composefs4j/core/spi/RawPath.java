package io.github.composefs4j.core.spi;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The bytes of paths. On a Unix a {@link Path} keeps them, its text may not: the percent-encoded
 * form of its URI gives them back, whatever the locale.
 */
public final class RawPath {
  private static final String PLAIN = "-._~/";

  private RawPath() {}

  /** {@return the bytes of a path, made absolute, without a slash at its end} */
  public static byte[] of(Path path) {
    byte[] bytes = decode(path.toUri().getRawPath());
    // A URI of a directory ends in a slash, which would follow a symlink.
    return bytes.length > 1 && bytes[bytes.length - 1] == '/'
        ? Arrays.copyOf(bytes, bytes.length - 1)
        : bytes;
  }

  /** {@return the bytes of a path's last name} */
  public static byte[] nameOf(Path path) {
    byte[] bytes = of(path);
    int start = bytes.length;
    while (start > 0 && bytes[start - 1] != '/') {
      start--;
    }
    return Arrays.copyOfRange(bytes, start, bytes.length);
  }

  /**
   * {@return the bytes of a path as it is, relative if it is} What a relative path is resolved
   * against stands in front of it in the URI, and is cut off.
   */
  public static byte[] asGiven(Path path) {
    byte[] bytes = of(path);
    if (path.isAbsolute()) {
      return bytes;
    }
    byte[] base = of(path.getFileSystem().getPath("").toAbsolutePath());
    int slash = base.length == 1 ? 0 : 1;
    return Arrays.copyOfRange(bytes, Math.min(base.length + slash, bytes.length), bytes.length);
  }

  /** {@return the path below {@code directory} with these bytes, which may have slashes in them} */
  public static Path resolve(Path directory, byte[] below) {
    StringBuilder uri = new StringBuilder(directory.toUri().toString());
    if (uri.charAt(uri.length() - 1) != '/') {
      uri.append('/');
    }
    return Path.of(URI.create(encode(uri, below)));
  }

  /** {@return the path of the default file system with these bytes} */
  public static Path path(byte[] bytes) {
    return bytes.length > 0 && bytes[0] == '/'
        ? Path.of(URI.create(encode(new StringBuilder("file://"), bytes)))
        : resolve(Path.of("").toAbsolutePath(), bytes);
  }

  /**
   * {@return the text of a URI that ends with these bytes, percent-encoded where RFC 3986 has them
   * neither unreserved nor a slash}
   *
   * @param uri its beginning
   */
  public static String encode(StringBuilder uri, byte[] bytes) {
    for (byte b : bytes) {
      boolean plain =
          b >= 'a' && b <= 'z'
              || b >= 'A' && b <= 'Z'
              || b >= '0' && b <= '9'
              || PLAIN.indexOf(b) >= 0;
      if (plain) {
        uri.append((char) b);
      } else {
        uri.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
      }
    }
    return uri.toString();
  }

  /** {@return the bytes of a percent-encoded part of a URI} */
  public static byte[] decode(String raw) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '%') {
        bytes.write(HexFormat.fromHexDigits(raw, i + 1, i + 3));
        i += 2;
      } else {
        bytes.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
      }
    }
    return bytes.toByteArray();
  }
}
