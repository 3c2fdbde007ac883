package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The prefixes of an image's xattr names: those of the format, and the long ones that an EROFS
 * image defines.
 */
final class XattrNames {
  private static final int LONG_PREFIX = 0x80;
  private static final int PREFIX_MAX = 6;
  private static final int INFIX_MAX = 255;

  private final byte[][] longPrefixes;

  private XattrNames(byte[][] longPrefixes) {
    this.longPrefixes = longPrefixes;
  }

  static XattrNames read(ErofsImage image) throws IOException {
    Superblock superblock = image.superblock();
    byte[][] prefixes = new byte[superblock.prefixCount()][];
    long at = superblock.prefixStart();
    if (prefixes.length == 0) {
      return new XattrNames(prefixes);
    }
    // They lie in the packed inode if there is one, otherwise in the image itself.
    ImageInode packed =
        superblock.prefixNid() == 0 ? null : new ImageInode(image, superblock.prefixNid());
    for (int i = 0; i < prefixes.length; i++) {
      byte[] head = bytes(image, packed, at, 3);
      int length = (head[0] & 0xff | (head[1] & 0xff) << 8) - 1;
      int base = head[2];
      if (length < 0 || length > INFIX_MAX || base < 0 || base > PREFIX_MAX) {
        throw new CorruptImageException(image.name(), at, "long xattr prefix " + i);
      }
      byte[] infix = bytes(image, packed, at + 3, length);
      prefixes[i] = concat(Xattr.prefix(base), infix, 0, length);
      at = ImageLayout.roundUp(at + 3 + length, 4);
    }
    return new XattrNames(prefixes);
  }

  private static byte[] bytes(ErofsImage image, @Nullable ImageInode packed, long at, int length)
      throws IOException {
    if (packed == null) {
      return image.bytes().copy(at, length);
    }
    byte[] result = new byte[length];
    for (int done = 0; done < length; ) {
      int read = packed.read(at + done, result, done, length - done);
      if (read <= 0) {
        throw packed.corrupt("long xattr prefixes are outside of the packed inode");
      }
      done += read;
    }
    return result;
  }

  /** {@return the prefix that an index stands for, or null if it stands for none} */
  byte @Nullable [] prefix(int index) {
    if ((index & LONG_PREFIX) != 0) {
      int number = index & ~LONG_PREFIX;
      return number < longPrefixes.length ? longPrefixes[number] : null;
    }
    return index > PREFIX_MAX ? null : Xattr.prefix(index);
  }

  private static byte[] concat(byte[] prefix, byte[] suffix, int offset, int length) {
    byte[] name = Arrays.copyOf(prefix, prefix.length + length);
    System.arraycopy(suffix, offset, name, prefix.length, length);
    return name;
  }
}
