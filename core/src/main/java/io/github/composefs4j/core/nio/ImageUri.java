package io.github.composefs4j.core.nio;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * URIs {@code composefs:IMAGE} and {@code composefs:IMAGE!/PATH}, where IMAGE is the URI of the
 * image file, its own exclamation marks written as {@code %21}, and PATH has its bytes
 * percent-encoded.
 *
 * @param image the URI of the image file
 * @param path bytes of the absolute path in the image
 */
record ImageUri(URI image, byte[] path) {
  private static final String SCHEME = "composefs";
  private static final String PLAIN = "-._~/";

  static URI of(URI image, byte[] path) {
    StringBuilder text = new StringBuilder(SCHEME).append(':');
    text.append(image.toString().replace("!", "%21")).append('!');
    for (byte b : path) {
      boolean plain =
          b >= 'a' && b <= 'z'
              || b >= 'A' && b <= 'Z'
              || b >= '0' && b <= '9'
              || PLAIN.indexOf(b) >= 0;
      if (plain) {
        text.append((char) b);
      } else {
        text.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
      }
    }
    return URI.create(text.toString());
  }

  /**
   * {@return the parts of a URI; without a path, that of the root}
   *
   * @throws IllegalArgumentException if it is no such URI
   */
  static ImageUri parse(URI uri) {
    String scheme = uri.getScheme();
    if (scheme == null || !scheme.equalsIgnoreCase(SCHEME)) {
      throw new IllegalArgumentException("the scheme of " + uri + " is not " + SCHEME);
    }
    String rest = uri.getRawSchemeSpecificPart();
    int mark = rest.lastIndexOf("!/");
    String image = mark < 0 ? rest : rest.substring(0, mark);
    return new ImageUri(URI.create(image), decode(mark < 0 ? "/" : rest.substring(mark + 1)));
  }

  private static byte[] decode(String raw) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
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

  /** {@return the image file} */
  Path file() {
    return Path.of(image);
  }
}
