package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.spi.RawPath;
import java.net.URI;
import java.nio.file.Path;

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

  static URI of(URI image, byte[] path) {
    StringBuilder text = new StringBuilder(SCHEME).append(':');
    text.append(image.toString().replace("!", "%21")).append('!');
    return URI.create(RawPath.encode(text, path));
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
    return new ImageUri(
        URI.create(image), RawPath.decode(mark < 0 ? "/" : rest.substring(mark + 1)));
  }

  /** {@return the image file} */
  Path file() {
    return Path.of(image);
  }
}
