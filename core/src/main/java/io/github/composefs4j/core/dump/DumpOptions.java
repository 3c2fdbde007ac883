package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.verity.HashAlgorithm;

/**
 * How a dump is read.
 *
 * @param strict also demand a final line feed, no device number on anything but devices, and the
 *     size of symlinks (dump-format.md, section 8)
 * @param algorithm what the DIGEST column holds
 */
public record DumpOptions(boolean strict, HashAlgorithm algorithm) {
  /** Not strict, SHA-256. */
  public static final DumpOptions DEFAULT = new DumpOptions(false, HashAlgorithm.SHA256);
}
