package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One (stored name, value) pair of an image under construction; equal pairs are one object
 * (erofs-image.md 5).
 *
 * <p>A value that follows from an object's digest is kept as that digest: images have up to two
 * such pairs an inode.
 */
final class Xattr {
  static final byte[] METACOPY = FileName.encode("trusted.overlay.metacopy");
  static final byte[] REDIRECT = FileName.encode("trusted.overlay.redirect");

  /** Bytes of an entry before its name: suffix length, prefix index, value length. */
  static final int ENTRY_HEADER = 4;

  private static final byte[][] PREFIXES = {
    {},
    FileName.encode("user."),
    FileName.encode("system.posix_acl_access"),
    FileName.encode("system.posix_acl_default"),
    FileName.encode("trusted."),
    FileName.encode("lustre."),
    FileName.encode("security."),
  };

  /**
   * V0 and V1 take the first match in this order and never use {@code lustre.}; V2 tries all from
   * the end.
   */
  private static final int[] PREFIX_ORDER = {1, 2, 3, 4, 6};

  private static final int[] PREFIX_ORDER_V2 = {6, 5, 4, 3, 2, 1};

  /** Full name as stored, that is after escaping. */
  final byte[] name;

  /**
   * {@code byte[]}, or the {@link Digest} of the object that a metacopy or redirect attribute is
   * about.
   */
  private final Object value;

  final int prefixIndex;
  final int filterBit;

  /** How many inodes carry this pair. */
  int count;

  /** Position in the shared area, or -1 if the pair is stored with its inode. */
  int sharedOffset = -1;

  Xattr(byte[] name, Object value, FormatVersion version) {
    this.name = name;
    this.value = value;
    this.prefixIndex = prefixIndex(name, version);
    this.filterBit = NameFilter.bit(prefixIndex, name, suffixOffset(), suffixLength());
  }

  /** {@return the metacopy attribute of an external file with this digest, or with none} */
  static Xattr metacopy(@Nullable Digest digest, FormatVersion version) {
    return new Xattr(METACOPY, digest == null ? new byte[0] : digest, version);
  }

  /** {@return the redirect attribute to the object of this digest} */
  static Xattr redirect(Digest digest, FormatVersion version) {
    return new Xattr(REDIRECT, digest, version);
  }

  /** {@return the redirect attribute to a path that does not follow from a digest} */
  static Xattr redirect(byte[] path, FormatVersion version) {
    byte[] value = new byte[path.length + 1];
    value[0] = '/';
    System.arraycopy(path, 0, value, 1, path.length);
    return new Xattr(REDIRECT, value, version);
  }

  private static int prefixIndex(byte[] name, FormatVersion version) {
    for (int index : version == FormatVersion.V2 ? PREFIX_ORDER_V2 : PREFIX_ORDER) {
      byte[] prefix = PREFIXES[index];
      if (startsWith(name, prefix)) {
        return index;
      }
    }
    return 0;
  }

  static boolean startsWith(byte[] name, byte[] prefix) {
    return name.length >= prefix.length
        && Arrays.equals(name, 0, prefix.length, prefix, 0, prefix.length);
  }

  /** {@return the prefix that an index of 0 to 6 stands for} */
  static byte[] prefix(int index) {
    return PREFIXES[index];
  }

  /** {@return the mask with the one bit of the name filter that this stored name sets} */
  static int filterBit(byte[] name, FormatVersion version) {
    int index = prefixIndex(name, version);
    int offset = PREFIXES[index].length;
    return NameFilter.bit(index, name, offset, name.length - offset);
  }

  private int suffixOffset() {
    return PREFIXES[prefixIndex].length;
  }

  private int suffixLength() {
    return name.length - suffixOffset();
  }

  /** {@return whether the value follows from an object's digest} */
  boolean isOfObject() {
    return value instanceof Digest;
  }

  /** {@return a hash of name and value that no input can foresee} */
  long longHash() {
    byte[] bytes = valueBytes();
    return Repetitions.hash(Repetitions.hash(0, name, 0, name.length), bytes, 0, bytes.length);
  }

  private boolean isMetacopy() {
    return Arrays.equals(name, METACOPY);
  }

  int valueLength() {
    if (value instanceof Digest digest) {
      return isMetacopy() ? 4 + digest.algorithm().size() : 1 + digest.objectPathLength();
    }
    return ((byte[]) value).length;
  }

  /** {@return the size of the entry, padding included} */
  int entrySize() {
    return (ENTRY_HEADER + suffixLength() + valueLength() + 3) & ~3;
  }

  /**
   * Writes the entry into {@code out}, which holds zeros there, and returns the position after it.
   */
  int writeEntry(byte[] out, int at) {
    int length = valueLength();
    out[at] = (byte) suffixLength();
    out[at + 1] = (byte) prefixIndex;
    out[at + 2] = (byte) length;
    out[at + 3] = (byte) (length >> 8);
    System.arraycopy(name, suffixOffset(), out, at + ENTRY_HEADER, suffixLength());
    int valueAt = at + ENTRY_HEADER + suffixLength();
    if (value instanceof Digest digest) {
      writeDigestValue(out, valueAt, isMetacopy(), digest);
    } else {
      System.arraycopy((byte[]) value, 0, out, valueAt, length);
    }
    return at + entrySize();
  }

  /** The value of a metacopy (erofs-image.md 5.6) or of a redirect to an object. */
  static void writeDigestValue(byte[] out, int at, boolean metacopy, Digest digest) {
    if (metacopy) {
      out[at] = 0;
      out[at + 1] = (byte) (4 + digest.algorithm().size());
      out[at + 2] = 0;
      out[at + 3] = (byte) digest.algorithm().id();
      digest.copyTo(out, at + 4);
    } else {
      out[at] = '/';
      digest.copyObjectPathTo(out, at + 1);
    }
  }

  private byte[] valueBytes() {
    if (value instanceof byte[] bytes) {
      return bytes;
    }
    byte[] bytes = new byte[valueLength()];
    writeDigestValue(bytes, 0, isMetacopy(), (Digest) value);
    return bytes;
  }

  private int compareValue(Xattr that) {
    // Both texts of a digest, hex path and metacopy, are ordered as the digests are.
    if (value instanceof Digest mine
        && that.value instanceof Digest other
        && mine.algorithm() == other.algorithm()) {
      return mine.compareTo(other);
    }
    return Arrays.compareUnsigned(valueBytes(), that.valueBytes());
  }

  /** The order of the shared area in V0 and V1, all keys descending: name, value length, value. */
  static int sharedOrder(Xattr a, Xattr b) {
    int order = Arrays.compareUnsigned(b.name, a.name);
    if (order == 0) {
      order = Integer.compare(b.valueLength(), a.valueLength());
    }
    return order != 0 ? order : b.compareValue(a);
  }

  /** The order of the shared area in V2, ascending: prefix index, suffix, value. */
  static int sharedOrderV2(Xattr a, Xattr b) {
    int order = Integer.compare(a.prefixIndex, b.prefixIndex);
    if (order == 0) {
      order =
          Arrays.compareUnsigned(
              a.name, a.suffixOffset(), a.name.length, b.name, b.suffixOffset(), b.name.length);
    }
    return order != 0 ? order : a.compareValue(b);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Xattr that
        && Arrays.equals(name, that.name)
        && (value instanceof byte[] bytes
            ? that.value instanceof byte[] others && Arrays.equals(bytes, others)
            : value.equals(that.value));
  }

  @Override
  public int hashCode() {
    return value instanceof byte[]
        ? Long.hashCode(longHash())
        : 31 * name.length + value.hashCode();
  }
}
