package io.github.composefs4j.core.erofs;

import org.jspecify.annotations.Nullable;

/**
 * The attributes that inodes of equal input get in the image, in stored order, and the body that
 * holds them (erofs-image.md 5.5).
 *
 * <p>Nearly every external file has a metacopy and a redirect attribute that no other inode has.
 * These are not part of the list: {@link #writeBody} puts them at their places.
 */
final class XattrList {
  static final int BODY_HEADER = 12;

  /**
   * Most references in one body; further shared pairs are stored inline. V2's count field allows
   * more.
   */
  private static final int MAX_REFERENCES = 128;

  private static final int MAX_REFERENCES_V2 = 255;

  private final Xattr[] xattrs;

  /**
   * Where a metacopy and a redirect belong in {@link #xattrs}: before the elements of these
   * numbers.
   */
  private final int metacopyAt;

  private final int redirectAt;

  /** How many inodes have this list. */
  int users;

  private int references;
  private int inlineSize;

  /**
   * The body with zeros for references, made when first needed and kept if there are several users.
   */
  private byte @Nullable [] body;

  private int metacopyOffset;
  private int redirectOffset;

  XattrList(Xattr[] xattrs, int metacopyAt, int redirectAt) {
    this.xattrs = xattrs;
    this.metacopyAt = metacopyAt;
    this.redirectAt = redirectAt;
  }

  Xattr[] xattrs() {
    return xattrs;
  }

  void countPairs() {
    for (Xattr xattr : xattrs) {
      xattr.count += users;
    }
  }

  /**
   * Once the shared pairs are known: decides which are referred to and how much the others take.
   */
  void measure(FormatVersion version) {
    int most = version == FormatVersion.V2 ? MAX_REFERENCES_V2 : MAX_REFERENCES;
    for (Xattr xattr : xattrs) {
      if (xattr.sharedOffset >= 0 && references < most) {
        references++;
      } else {
        inlineSize += xattr.entrySize();
      }
    }
  }

  /** {@return the size of the body, 0 if there is none} */
  int bodySize() {
    return xattrs.length == 0 ? 0 : BODY_HEADER + 4 * references + inlineSize;
  }

  /**
   * Writes the body into {@code out} and returns the position after it.
   *
   * @param referenceBase what to add to a position in the shared area, in bytes
   * @param object the entries that only this inode has, or null
   */
  int writeBody(byte[] out, int at, long referenceBase, @Nullable ObjectEntries object) {
    byte[] bytes = body;
    if (bytes == null) {
      bytes = encode(referenceBase);
      if (users > 1) {
        body = bytes;
      }
    }
    if (object == null) {
      System.arraycopy(bytes, 0, out, at, bytes.length);
      return at + bytes.length;
    }
    System.arraycopy(bytes, 0, out, at, metacopyOffset);
    Disk.putInt(out, at, Disk.getInt(bytes, 0) & object.filterMask());
    int to = object.writeMetacopy(out, at + metacopyOffset);
    System.arraycopy(bytes, metacopyOffset, out, to, redirectOffset - metacopyOffset);
    to = object.writeRedirect(out, to + redirectOffset - metacopyOffset);
    System.arraycopy(bytes, redirectOffset, out, to, bytes.length - redirectOffset);
    return to + bytes.length - redirectOffset;
  }

  private byte[] encode(long referenceBase) {
    byte[] bytes = new byte[BODY_HEADER + 4 * references + inlineSize];
    int filter = 0;
    int reference = BODY_HEADER;
    int inline = BODY_HEADER + 4 * references;
    for (int i = 0; i <= xattrs.length; i++) {
      if (i == metacopyAt) {
        metacopyOffset = inline;
      }
      if (i == redirectAt) {
        redirectOffset = inline;
      }
      if (i == xattrs.length) {
        break;
      }
      Xattr xattr = xattrs[i];
      filter |= xattr.filterBit;
      if (xattr.sharedOffset >= 0 && reference < BODY_HEADER + 4 * references) {
        Disk.putInt(bytes, reference, (int) ((referenceBase + xattr.sharedOffset) / 4));
        reference += 4;
      } else {
        inline = xattr.writeEntry(bytes, inline);
      }
    }
    Disk.putInt(bytes, 0, ~filter);
    bytes[4] = (byte) references;
    return bytes;
  }
}
