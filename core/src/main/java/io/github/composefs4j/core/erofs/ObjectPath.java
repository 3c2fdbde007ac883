package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import org.jspecify.annotations.Nullable;

/**
 * Object paths: {@code xx/yyyy…}, the digest in lower-case hex with a slash after its first byte.
 */
final class ObjectPath {
  private ObjectPath() {}

  /** {@return the digest whose {@link Digest#objectPath} this is, or null if it is nobody's} */
  static @Nullable Digest digest(byte @Nullable [] path) {
    if (path == null) {
      return null;
    }
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      if (path.length == 2 * algorithm.size() + 1) {
        return path[2] == '/' ? parse(algorithm, path) : null;
      }
    }
    return null;
  }

  private static @Nullable Digest parse(HashAlgorithm algorithm, byte[] path) {
    byte[] bytes = new byte[algorithm.size()];
    for (int i = 0; i < bytes.length; i++) {
      int at = i == 0 ? 0 : 2 * i + 1;
      int high = hexDigit(path[at]);
      int low = hexDigit(path[at + 1]);
      if (high < 0 || low < 0) {
        return null;
      }
      bytes[i] = (byte) (high << 4 | low);
    }
    return Digest.of(bytes);
  }

  private static int hexDigit(byte c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }
}
