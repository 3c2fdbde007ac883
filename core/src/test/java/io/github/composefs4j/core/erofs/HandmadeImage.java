package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.Inode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * EROFS images put together by hand, for what no installed tool writes. One inode every 1024 bytes
 * of the inode area, so that tests can choose nids; data from {@link #DATA} on.
 */
final class HandmadeImage {
  static final int META = 65536;
  static final int DATA = 4 * 65536;
  private static final int SIZE = 8 * 65536;
  private static final int STRIDE = 1024;

  final ByteBuffer bytes = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
  private final int blockBits;

  /** Where the tail of the inode made last starts. */
  private int tail;

  HandmadeImage(int blockBits) {
    this.blockBits = blockBits;
    bytes.putInt(Disk.SUPERBLOCK, Disk.EROFS_MAGIC);
    bytes.put(Disk.SUPERBLOCK + Disk.SB_BLKSZBITS, (byte) blockBits);
    bytes.putShort(Disk.SUPERBLOCK + Disk.SB_ROOT_NID, (short) nid(0));
    bytes.putInt(Disk.SUPERBLOCK + Disk.SB_BLOCKS, SIZE >> blockBits);
    bytes.putInt(Disk.SUPERBLOCK + Disk.SB_META_BLKADDR, META >> blockBits);
    bytes.putLong(Disk.SUPERBLOCK + Disk.SB_BUILD_TIME, 1000);
    bytes.putInt(Disk.SUPERBLOCK + Disk.SB_FEATURE_INCOMPAT, 4 | 0x40);
  }

  static int nid(int number) {
    return number * STRIDE / 32;
  }

  static int offset(int number) {
    return META + number * STRIDE;
  }

  int block(int at) {
    return at >> blockBits;
  }

  /** Makes a compact inode with this xattr body. */
  HandmadeImage inode(int number, int format, int mode, int size, int u, byte[] body) {
    int at = offset(number);
    bytes.putShort(at, (short) format);
    bytes.putShort(
        at + Disk.I_XATTR_ICOUNT, (short) (body.length == 0 ? 0 : (body.length - 12) / 4 + 1));
    bytes.putShort(at + Disk.I_MODE, (short) mode);
    bytes.putShort(at + Disk.COMPACT_NLINK, (short) 1);
    bytes.putInt(at + Disk.I_SIZE, size);
    bytes.putInt(at + Disk.I_U, u);
    bytes.put(at + 32, body);
    tail = at + 32 + body.length;
    return this;
  }

  HandmadeImage inode(int number, int format, int mode, int size, int u) {
    return inode(number, format, mode, size, u, new byte[0]);
  }

  /** Puts bytes behind the inode made last. */
  HandmadeImage tail(byte... content) {
    bytes.put(tail, content);
    return this;
  }

  /** Makes a directory whose entries lie behind its inode. */
  HandmadeImage directory(int number, int parent, Object... namesAndNumbers) {
    byte[] block = entries(number, parent, true, namesAndNumbers);
    return inode(number, 4, Inode.S_IFDIR | 0755, block.length, 0).tail(block);
  }

  /**
   * {@return the entries of a directory; names are strings, an inode's number follows each}
   *
   * @param dot whether there is an entry {@code .}
   */
  byte[] entries(int number, int parent, boolean dot, Object... namesAndNumbers) {
    int first = dot ? 0 : 2;
    Object[] all = new Object[namesAndNumbers.length + 4];
    all[0] = ".";
    all[1] = number;
    all[2] = "..";
    all[3] = parent;
    System.arraycopy(namesAndNumbers, 0, all, 4, namesAndNumbers.length);
    int count = (all.length - first) / 2;
    ByteBuffer head = ByteBuffer.allocate(12 * count).order(ByteOrder.LITTLE_ENDIAN);
    ByteArrayOutputStream names = new ByteArrayOutputStream();
    for (int i = first; i < all.length; i += 2) {
      int target = (Integer) all[i + 1];
      int mode =
          i < 4 ? Inode.S_IFDIR : Short.toUnsignedInt(bytes.getShort(offset(target) + Disk.I_MODE));
      head.putLong(nid(target))
          .putShort((short) (12 * count + names.size()))
          .put((byte) Disk.fileType(mode))
          .put((byte) 0);
      names.writeBytes(((String) all[i]).getBytes(StandardCharsets.ISO_8859_1));
    }
    byte[] block = Arrays.copyOf(head.array(), 12 * count + names.size());
    System.arraycopy(names.toByteArray(), 0, block, 12 * count, names.size());
    return block;
  }

  /** {@return an xattr body with one entry of this prefix and suffix} */
  static byte[] body(int prefix, String suffix, String value) {
    int length = 4 + suffix.length() + value.length();
    ByteBuffer body = ByteBuffer.allocate(12 + (length + 3 & ~3)).order(ByteOrder.LITTLE_ENDIAN);
    body.position(12);
    body.put((byte) suffix.length()).put((byte) prefix).putShort((short) value.length());
    body.put(suffix.getBytes(StandardCharsets.ISO_8859_1));
    body.put(value.getBytes(StandardCharsets.ISO_8859_1));
    return body.array();
  }

  ErofsImage open() throws IOException {
    return ErofsImage.open(ImageBytes.of(bytes.array(), "handmade"), ImageProfile.EROFS);
  }
}
