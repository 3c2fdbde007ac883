package io.github.composefs4j.core.erofs;

/** Which rules an image is held to. */
public enum ImageProfile {
  /** What composefs writers make, in versions 0 to 2; all rules of erofs-image.md 12.3. */
  COMPOSEFS,
  /**
   * Any uncompressed EROFS image on one device, as {@code mkfs.erofs} makes it: for listing and
   * reading. Data in flat, inline and chunk-based layouts, shared xattrs, long xattr prefixes, any
   * block size.
   */
  EROFS
}
