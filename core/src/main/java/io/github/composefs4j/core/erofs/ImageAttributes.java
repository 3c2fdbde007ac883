package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The attributes of an inode, mapped back from what the image stores to what its writer was given
 * (erofs-image.md 12.2): where an external file's content is, whether the inode is an escaped
 * whiteout, and the remaining xattrs. Immutable; the arrays are not to be changed.
 */
public final class ImageAttributes {
  private static final byte[] OVERLAY = FileName.encode("trusted.overlay.");
  private static final byte[] ESCAPED = FileName.encode("trusted.overlay.overlay.");
  private static final byte[] ESCAPED_WHITEOUT =
      FileName.encode("trusted.overlay.overlay.whiteout");
  private static final byte[] ESCAPED_WHITEOUTS =
      FileName.encode("trusted.overlay.overlay.whiteouts");
  private static final byte[] USER_WHITEOUT = FileName.encode("user.overlay.whiteout");
  private static final byte[] USER_WHITEOUTS = FileName.encode("user.overlay.whiteouts");
  private static final byte[] ESCAPED_OPAQUE = FileName.encode("trusted.overlay.overlay.opaque");
  private static final byte[] USER_OPAQUE = FileName.encode("user.overlay.opaque");

  /** composefs-rs writes these twice when the input had them already (erofs-image.md 11.1). */
  private static final List<byte[]> MAY_REPEAT =
      List.of(
          ESCAPED_WHITEOUT,
          ESCAPED_WHITEOUTS,
          ESCAPED_OPAQUE,
          USER_WHITEOUT,
          USER_WHITEOUTS,
          USER_OPAQUE);

  private static final int FEW = 16;

  private static final int COST_MAX = 65535;
  private static final ImageAttributes NONE = new ImageAttributes();

  private final List<byte[]> names = new ArrayList<>(4);
  private final List<byte[]> values = new ArrayList<>(4);
  private byte @Nullable [] path;
  private @Nullable Digest digest;
  private boolean whiteout;

  private ImageAttributes() {}

  /** {@return the number of xattrs} */
  public int size() {
    return names.size();
  }

  /** {@return the full name of xattr {@code i}, inline ones first, then shared ones} */
  public byte[] name(int i) {
    return names.get(i);
  }

  /** {@return the value of xattr {@code i}} */
  public byte[] value(int i) {
    return values.get(i);
  }

  /** {@return the object path of an external file as given, or null if there is none} */
  public byte @Nullable [] path() {
    return path;
  }

  /** {@return the digest that an external file's content must have, or null if there is none} */
  public @Nullable Digest digest() {
    return digest;
  }

  /** {@return whether a regular file stands for a whiteout} */
  public boolean isEscapedWhiteout() {
    return whiteout;
  }

  static ImageAttributes read(ErofsImage image, ImageInode inode) throws IOException {
    return inode.bodySize() == 0 ? NONE : new Reader(image, inode).read();
  }

  private static final class Reader {
    private final ImageInode inode;
    private final boolean composefs;
    private final boolean v2;
    private final ImageAttributes result = new ImageAttributes();
    private final List<byte[]> stored = new ArrayList<>(4);

    /** Also the names, once they are many: comparing each with all would take too long. */
    private @Nullable Set<ByteBuffer> storedSet;

    private long cost = 12;

    /** Whether the entry at hand has a name that was there before. */
    private boolean repeats;

    Reader(ErofsImage image, ImageInode inode) {
      this.inode = inode;
      this.composefs = image.profile() == ImageProfile.COMPOSEFS;
      this.v2 = image.version() == FormatVersion.V2;
    }

    ImageAttributes read() throws IOException {
      XattrCursor xattrs = inode.xattrs();
      while (xattrs.next()) {
        cost += 7 + xattrs.nameLength() + xattrs.valueLength();
        if (composefs && cost > COST_MAX) {
          throw inode.corrupt("xattrs of more than " + COST_MAX + " bytes");
        }
        byte[] name = xattrs.name();
        checkRepetition(name);
        map(name, xattrs.value());
      }
      return result;
    }

    private void checkRepetition(byte[] name) throws IOException {
      repeats = isStored(name);
      if (repeats && !(composefs && isOneOf(name, MAY_REPEAT))) {
        throw inode.corrupt("xattr " + FileName.printable(name) + " twice");
      }
      stored.add(name);
      if (storedSet != null) {
        storedSet.add(ByteBuffer.wrap(name));
      } else if (stored.size() > FEW) {
        storedSet = new HashSet<>();
        for (byte[] other : stored) {
          storedSet.add(ByteBuffer.wrap(other));
        }
      }
    }

    private boolean isStored(byte[] name) {
      return storedSet != null ? storedSet.contains(ByteBuffer.wrap(name)) : isOneOf(name, stored);
    }

    private static boolean isOneOf(byte[] name, List<byte[]> names) {
      for (byte[] other : names) {
        if (Arrays.equals(other, name)) {
          return true;
        }
      }
      return false;
    }

    private void map(byte[] name, byte[] value) throws IOException {
      if (!composefs || !mapOverlay(name, value)) {
        put(name, value);
      }
    }

    private void put(byte[] name, byte[] value) {
      for (int i = repeats ? 0 : result.names.size(); i < result.names.size(); i++) {
        if (Arrays.equals(result.names.get(i), name)) {
          result.names.remove(i);
          result.values.remove(i);
        }
      }
      result.names.add(name);
      result.values.add(value);
    }

    /**
     * {@return true if the attribute was one of overlayfs, or of composefs' marks, and is dealt
     * with}
     */
    private boolean mapOverlay(byte[] name, byte[] value) throws IOException {
      boolean regular = inode.isRegular() && !result.whiteout;
      if (Arrays.equals(name, Xattr.REDIRECT)) {
        if (regular) {
          boolean slash = value.length > 1 && value[0] == '/';
          result.path = slash ? Arrays.copyOfRange(value, 1, value.length) : value;
        }
        return true;
      }
      if (Arrays.equals(name, Xattr.METACOPY)) {
        if (regular) {
          result.digest = metacopy(value);
        }
        return true;
      }
      if (!v2) {
        if (Arrays.equals(name, ESCAPED_WHITEOUT) && regular) {
          result.whiteout = true;
          return true;
        }
        if (Arrays.equals(name, ESCAPED_WHITEOUTS)
            || Arrays.equals(name, USER_WHITEOUT)
            || Arrays.equals(name, USER_WHITEOUTS)) {
          return true;
        }
      } else if (Arrays.equals(name, ESCAPED_WHITEOUT) && inode.isRegular()) {
        throw inode.corrupt("an escaped whiteout in a V2 image");
      }
      if (Xattr.startsWith(name, ESCAPED)) {
        byte[] original = new byte[name.length - ESCAPED.length + OVERLAY.length];
        System.arraycopy(OVERLAY, 0, original, 0, OVERLAY.length);
        System.arraycopy(
            name, ESCAPED.length, original, OVERLAY.length, name.length - ESCAPED.length);
        put(original, value);
        return true;
      }
      return Xattr.startsWith(name, OVERLAY);
    }

    private @Nullable Digest metacopy(byte[] value) throws IOException {
      if (value.length == 0) {
        return null;
      }
      for (HashAlgorithm algorithm : HashAlgorithm.values()) {
        if (value.length == 4 + algorithm.size()
            && value[0] == 0
            && value[1] == value.length
            && value[2] == 0
            && value[3] == algorithm.id()) {
          return Digest.of(algorithm, value, 4);
        }
      }
      throw inode.corrupt("a metacopy xattr that is none");
    }
  }
}
