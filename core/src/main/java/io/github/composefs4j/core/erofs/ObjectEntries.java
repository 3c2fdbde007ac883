package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;

/**
 * The metacopy and redirect entries of an external file whose object no other inode shares.
 * Reusable.
 */
final class ObjectEntries {
  private final byte[] metacopy;
  private final byte[] redirect;
  private final int metacopyValue;
  private final int redirectValue;
  private final int filterMask;

  /** Templates for digests of this algorithm. */
  ObjectEntries(HashAlgorithm algorithm, FormatVersion version) {
    Digest zero = Digest.of(new byte[algorithm.size()]);
    Xattr meta = Xattr.metacopy(zero, version);
    Xattr redirectTo = Xattr.redirect(zero, version);
    metacopy = new byte[meta.entrySize()];
    redirect = new byte[redirectTo.entrySize()];
    meta.writeEntry(metacopy, 0);
    redirectTo.writeEntry(redirect, 0);
    metacopyValue = Xattr.ENTRY_HEADER + (metacopy[0] & 0xff);
    redirectValue = Xattr.ENTRY_HEADER + (redirect[0] & 0xff);
    filterMask = ~(meta.filterBit | redirectTo.filterBit);
  }

  /** Makes these the entries for {@code digest}. */
  ObjectEntries of(Digest digest) {
    Xattr.writeDigestValue(metacopy, metacopyValue, true, digest);
    Xattr.writeDigestValue(redirect, redirectValue, false, digest);
    return this;
  }

  int size() {
    return metacopy.length + redirect.length;
  }

  /** {@return the name filter with the bits of the two names cleared} */
  int filterMask() {
    return filterMask;
  }

  int writeMetacopy(byte[] out, int at) {
    System.arraycopy(metacopy, 0, out, at, metacopy.length);
    return at + metacopy.length;
  }

  int writeRedirect(byte[] out, int at) {
    System.arraycopy(redirect, 0, out, at, redirect.length);
    return at + redirect.length;
  }
}
