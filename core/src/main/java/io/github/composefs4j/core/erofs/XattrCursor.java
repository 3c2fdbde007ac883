package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A walk over the xattrs of one inode as they are stored: inline ones first, then shared ones,
 * names not mapped back (erofs-image.md 5.5, 12.3 X1 to X4). For one thread.
 *
 * <p>{@link ImageAttributes} gives the same with the meaning that composefs puts into them.
 */
public final class XattrCursor {
  /** A stored name is longer than that of its source by the escape {@code overlay.}. */
  private static final int NAME_MAX = Limits.XATTR_NAME_MAX + "overlay.".length();

  private static final byte[] OVERLAY = FileName.encode("trusted.overlay.");
  private static final byte[] ESCAPED = FileName.encode("trusted.overlay.overlay.");

  private final ErofsImage image;
  private final ImageInode inode;
  private final byte[] body;
  private final int references;
  private int at;
  private int reference;

  private byte[] entry;
  private byte[] prefix = {};
  private int suffixAt;
  private int suffixLength;
  private int valueAt;
  private int valueLength;

  XattrCursor(ErofsImage image, ImageInode inode) throws IOException {
    this.image = image;
    this.inode = inode;
    this.body =
        inode.bodySize() == 0
            ? new byte[0]
            : image.bytes().copy(inode.bodyOffset(), inode.bodySize());
    this.entry = body;
    this.references = body.length == 0 ? 0 : body[4] & 0xff;
    this.at = body.length == 0 ? 0 : XattrList.BODY_HEADER + 4 * references;
    if (at > body.length) {
      throw inode.corrupt(references + " shared xattrs do not fit in the body");
    }
  }

  /**
   * {@return true if it moved to the next xattr}
   *
   * @throws io.github.composefs4j.core.errors.CorruptImageException at one that breaks a rule
   */
  public boolean next() throws IOException {
    if (at < body.length) {
      if (body.length - at < Xattr.ENTRY_HEADER) {
        throw inode.corrupt("an xattr entry crosses the end of the body");
      }
      at = take(body, at, body.length);
      return true;
    }
    if (reference == references) {
      return false;
    }
    ImageBytes bytes = image.bytes();
    long place = inode.bodyOffset() + XattrList.BODY_HEADER + 4L * reference++;
    long shared = image.superblock().xattrStart() + 4 * bytes.u32(place);
    bytes.require(shared, Xattr.ENTRY_HEADER, "a shared xattr of inode " + inode.nid());
    int length = Xattr.ENTRY_HEADER + bytes.u8(shared) + bytes.u16(shared + 2);
    bytes.require(shared, length, "a shared xattr of inode " + inode.nid());
    // Room for the padding that an entry in the body has.
    take(Arrays.copyOf(bytes.copy(shared, length), length + 3), 0, length + 3);
    return true;
  }

  /** Takes the entry at {@code start} and returns where the next one starts. */
  private int take(byte[] from, int start, int end) throws IOException {
    entry = from;
    suffixLength = from[start] & 0xff;
    int index = from[start + 1] & 0xff;
    valueLength = from[start + 2] & 0xff | (from[start + 3] & 0xff) << 8;
    suffixAt = start + Xattr.ENTRY_HEADER;
    valueAt = suffixAt + suffixLength;
    int next = valueAt + valueLength + 3 & ~3;
    if (next > end) {
      throw inode.corrupt("an xattr entry crosses the end of the body");
    }
    byte[] known = image.xattrNames().prefix(index);
    if (known == null) {
      throw inode.corrupt("xattr prefix " + index);
    }
    prefix = known;
    if (nameLength() == 0 || nameLength() > NAME_MAX) {
      throw inode.corrupt("an xattr name of " + nameLength() + " bytes");
    }
    for (int i = suffixAt; i < valueAt; i++) {
      if (from[i] == 0) {
        throw inode.corrupt("an xattr name with a NUL");
      }
    }
    return next;
  }

  /**
   * {@return whether there is an xattr of this stored name; the cursor is at it then} For a cursor
   * that was not moved.
   */
  public boolean find(byte[] name) throws IOException {
    if (body.length == 0) {
      return false;
    }
    if (image.superblock().nameFilter()) {
      int filter =
          body[0] & 0xff | (body[1] & 0xff) << 8 | (body[2] & 0xff) << 16 | (body[3] & 0xff) << 24;
      if ((filter & Xattr.filterBit(name, image.version())) != 0) {
        return false;
      }
    }
    while (next()) {
      if (nameLength() == name.length && startsWith(name)) {
        return true;
      }
    }
    return false;
  }

  /** {@return the length of the full name} */
  public int nameLength() {
    return prefix.length + suffixLength;
  }

  /** {@return whether the name starts with these bytes} */
  public boolean startsWith(byte[] start) {
    int inPrefix = Math.min(prefix.length, start.length);
    int inSuffix = start.length - inPrefix;
    return inSuffix <= suffixLength
        && Arrays.equals(prefix, 0, inPrefix, start, 0, inPrefix)
        && Arrays.equals(entry, suffixAt, suffixAt + inSuffix, start, inPrefix, start.length);
  }

  /** {@return a copy of the full name} */
  public byte[] name() {
    byte[] name = Arrays.copyOf(prefix, nameLength());
    System.arraycopy(entry, suffixAt, name, prefix.length, suffixLength);
    return name;
  }

  /**
   * {@return the name under which a mount shows it, or null if it does not} Those of overlayfs are
   * hidden, and the tree's own that look like them have lost their escape (erofs-image.md 4.1).
   */
  public byte @Nullable [] shownName() {
    if (!startsWith(OVERLAY)) {
      return name();
    }
    if (!startsWith(ESCAPED)) {
      return null;
    }
    byte[] stored = name();
    byte[] shown = Arrays.copyOf(stored, stored.length - ESCAPED.length + OVERLAY.length);
    System.arraycopy(stored, ESCAPED.length, shown, OVERLAY.length, stored.length - ESCAPED.length);
    return shown;
  }

  /** {@return the stored name of what a mount shows under a name} */
  public static byte[] storedName(byte[] shown) {
    int length = OVERLAY.length;
    if (shown.length < length || !Arrays.equals(shown, 0, length, OVERLAY, 0, length)) {
      return shown;
    }
    byte[] stored = Arrays.copyOf(ESCAPED, shown.length + ESCAPED.length - length);
    System.arraycopy(shown, length, stored, ESCAPED.length, shown.length - length);
    return stored;
  }

  /** {@return the length of the value} */
  public int valueLength() {
    return valueLength;
  }

  /** {@return a copy of the value} */
  public byte[] value() {
    return Arrays.copyOfRange(entry, valueAt, valueAt + valueLength);
  }
}
