package io.github.composefs4j.core.tree;

/** The limits of a composefs tree (erofs-image.md, section 2). */
public final class Limits {
  private Limits() {}

  /** Longest file name in bytes. */
  public static final int NAME_MAX = 255;

  /** Longest symlink target in bytes. */
  public static final int SYMLINK_MAX = 4095;

  /** Longest object path of a file in bytes. */
  public static final int PAYLOAD_MAX = 4095;

  /**
   * Most bytes of content inside the image for one file; files of V2 images hold at most {@link
   * #INLINE_MAX_V2}.
   */
  public static final int INLINE_MAX = 5000;

  /** Most bytes of content inside a V2 image for one file. */
  public static final int INLINE_MAX_V2 = 512;

  /**
   * Files of at most this size are put inside the image when a directory is scanned, larger ones
   * into the store.
   */
  public static final int INLINE_THRESHOLD = 64;

  /** Largest file whose content is outside of the image: 1024 chunks of 2^43 bytes. */
  public static final long EXTERNAL_MAX = 1L << 53;

  /** Longest full name of an xattr in bytes. */
  public static final int XATTR_NAME_MAX = 255;

  /** Most bytes of xattrs on one inode, counted by {@link XattrSet.Builder}. */
  public static final int XATTR_BUDGET = 32767;

  /**
   * Most bytes of xattrs on one inode that was read from an image: there the marks that the writer
   * adds to directories with whiteouts count too (erofs-image.md 12.2, X8).
   */
  public static final int XATTR_BUDGET_STORED = 65535;

  /**
   * Most directories on the way from the root (not counted) to any directory; every reader refuses
   * deeper trees.
   */
  public static final int DEPTH_MAX = 2048;
}
