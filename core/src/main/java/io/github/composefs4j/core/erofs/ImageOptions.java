package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.verity.HashAlgorithm;
import org.jspecify.annotations.Nullable;

/**
 * How an image is written.
 *
 * @param minVersion the version to write
 * @param maxVersion the version that V0 may be raised to when the tree has whiteouts
 *     (erofs-image.md, section 3); taken as {@code minVersion} if it is lower
 * @param digest the algorithm of the image's own fs-verity digest, or null not to compute one.
 *     Digests of objects are part of the tree and need not be of the same algorithm
 */
public record ImageOptions(
    FormatVersion minVersion, FormatVersion maxVersion, @Nullable HashAlgorithm digest) {
  /**
   * What the C tools write when nothing is asked for: V0, raised to V1 for trees with whiteouts;
   * with a digest.
   */
  public static final ImageOptions DEFAULT =
      new ImageOptions(FormatVersion.V0, FormatVersion.V1, HashAlgorithm.SHA256);

  /** {@return exactly this version, with a SHA-256 digest} */
  public static ImageOptions of(FormatVersion version) {
    return new ImageOptions(version, version, HashAlgorithm.SHA256);
  }

  /** {@return these options with another range of versions} */
  public ImageOptions withVersions(FormatVersion min, FormatVersion max) {
    return new ImageOptions(min, max, digest);
  }

  /** {@return these options with an image digest of this algorithm, or without one if null} */
  public ImageOptions withDigest(@Nullable HashAlgorithm algorithm) {
    return new ImageOptions(minVersion, maxVersion, algorithm);
  }
}
