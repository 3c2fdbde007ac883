package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.verity.HashAlgorithm;

/**
 * How a directory is scanned. None but {@code threads} has an influence on speed alone.
 *
 * @param threads how many files are read at once, at least 1
 * @param algorithm of the digests of content
 * @param xattrs which extended attributes are taken
 * @param hardLinks whether names of one inode stay one inode; otherwise each becomes a file of its
 *     own with one link, as with the C tools
 * @param useEpoch whether all times become 0
 * @param skipDevices whether block and character devices below the root are left out, and with them
 *     whiteouts
 */
public record ScanOptions(
    int threads,
    HashAlgorithm algorithm,
    Xattrs xattrs,
    boolean hardLinks,
    boolean useEpoch,
    boolean skipDevices) {
  /** Which extended attributes are taken. */
  public enum Xattrs {
    /** All that the host lists. */
    ALL,
    /** Those whose names start with {@code user.}. */
    USER,
    /** None. */
    NONE
  }

  /** {@return everything as it is, SHA-256, a thread for each processor} */
  public static ScanOptions defaults() {
    return new ScanOptions(
        Runtime.getRuntime().availableProcessors(),
        HashAlgorithm.SHA256,
        Xattrs.ALL,
        true,
        false,
        false);
  }

  /** {@return these options with another algorithm} */
  public ScanOptions withAlgorithm(HashAlgorithm other) {
    return new ScanOptions(threads, other, xattrs, hardLinks, useEpoch, skipDevices);
  }
}
