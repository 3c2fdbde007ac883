package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;

/** The records of a part of a directory, with attributes or without. */
final class DirectoryReply {
  private static final int TYPE_SHIFT = 12;

  private final ImageFiles files;
  private final ByteBuffer out;
  private final LongBuffer longs;
  private final int size;

  /** A record as far as its name. */
  private final long[] record = new long[(FuseAbi.ENTRY_OUT + FuseAbi.DIRENT_NAME) / Long.BYTES];

  private byte[] name = new byte[32];

  /** Bytes of {@code struct fuse_entry_out} before every record, or none. */
  private final int plus;

  private int length;

  /** Fills the first {@code size} bytes of {@code out} at most. */
  DirectoryReply(ImageFiles files, ByteBuffer out, int size, boolean plus) {
    this.files = files;
    this.out = out;
    this.longs = out.asLongBuffer();
    this.size = size;
    this.plus = plus ? FuseAbi.ENTRY_OUT : 0;
  }

  /** {@return how many bytes there are} */
  int length() {
    return length;
  }

  /**
   * Adds an entry of one or two dots, without attributes.
   *
   * @param next position behind it
   * @return false if it does not fit
   */
  boolean addDot(long ino, int dots, long next) {
    if (!fits(dots)) {
      return false;
    }
    Arrays.fill(record, 0, plus / Long.BYTES, 0);
    name[0] = '.';
    name[1] = '.';
    put(ino, next, dots, Inode.S_IFDIR);
    return true;
  }

  /**
   * Adds the entry at hand, unless it is hidden.
   *
   * @param attributes whether they go along, where there is room for them
   * @param next position behind it
   * @return false if it does not fit
   */
  boolean add(DirentCursor entry, boolean attributes, long next) throws IOException {
    int nameLength = entry.nameLength();
    if (!fits(nameLength)) {
      return false;
    }
    ImageInode inode = entry.inode();
    if (ImageFiles.isHidden(inode)) {
      return true;
    }
    if (attributes) {
      files.entryOut(inode, record);
    } else {
      Arrays.fill(record, 0, plus / Long.BYTES, 0); // no node: the kernel takes the name alone
    }
    if (nameLength > name.length) {
      name = new byte[Limits.NAME_MAX];
    }
    entry.copyName(name, 0);
    put(inode.nid(), next, nameLength, inode.mode());
    return true;
  }

  private boolean fits(int nameLength) {
    return length + plus + align(FuseAbi.DIRENT_NAME + nameLength) <= size;
  }

  private static int align(int bytes) {
    return bytes + 7 & ~7;
  }

  /** Puts a record whose attributes and name are there. */
  private void put(long ino, long next, int nameLength, int mode) {
    int at = plus / Long.BYTES;
    record[at] = ino;
    record[at + 1] = next;
    record[at + 2] = nameLength | (long) ((mode & Inode.S_IFMT) >> TYPE_SHIFT) << Integer.SIZE;
    longs.put(length / Long.BYTES, record, 0, at + FuseAbi.DIRENT_NAME / Long.BYTES);
    int start = length + plus + FuseAbi.DIRENT_NAME;
    int end = start + align(nameLength);
    out.putLong(end - Long.BYTES, 0); // what the name does not fill
    out.put(start, name, 0, nameLength);
    length = end;
  }
}
