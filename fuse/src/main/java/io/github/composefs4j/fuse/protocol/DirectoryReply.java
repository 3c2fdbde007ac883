package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.Inode;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The records of a part of a directory, with attributes or without. */
final class DirectoryReply {
  private static final int TYPE_SHIFT = 12;

  private final ImageFiles files;
  private final ByteBuffer out;
  private final int size;

  /** Bytes of {@code struct fuse_entry_out} before every record, or none. */
  private final int plus;

  private int length;

  /** Fills the first {@code size} bytes of {@code out} at most. */
  DirectoryReply(ImageFiles files, ByteBuffer out, int size, boolean plus) {
    this.files = files;
    this.out = out;
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
    ImageFiles.clear(out, length, plus);
    int at = record(ino, next, dots, Inode.S_IFDIR);
    out.put(at, (byte) '.');
    out.put(at + dots - 1, (byte) '.');
    length = pad(at + dots);
    return true;
  }

  /**
   * Adds the entry at hand, unless it is hidden.
   *
   * @param next position behind it
   * @return false if it does not fit
   */
  boolean add(DirentCursor entry, long next) throws IOException {
    int nameLength = entry.nameLength();
    if (!fits(nameLength)) {
      return false;
    }
    ImageInode inode = entry.inode();
    if (ImageFiles.isHidden(inode)) {
      return true;
    }
    if (plus > 0) {
      files.putEntry(out, length, inode);
    }
    int at = record(inode.nid(), next, nameLength, inode.mode());
    entry.copyName(out, at);
    length = pad(at + nameLength);
    return true;
  }

  private boolean fits(int nameLength) {
    return length + plus + align(FuseAbi.DIRENT_NAME + nameLength) <= size;
  }

  private static int align(int bytes) {
    return bytes + 7 & ~7;
  }

  private int record(long ino, long next, int nameLength, int mode) {
    int at = length + plus;
    out.putLong(at, ino);
    out.putLong(at + 8, next);
    out.putInt(at + 16, nameLength);
    out.putInt(at + 20, (mode & Inode.S_IFMT) >> TYPE_SHIFT);
    return at + FuseAbi.DIRENT_NAME;
  }

  private int pad(int end) {
    int padded = align(end);
    for (int i = end; i < padded; i++) {
      out.put(i, (byte) 0);
    }
    return padded;
  }
}
