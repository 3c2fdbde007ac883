package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.Inode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The records of a part of a directory, with attributes or without. */
final class DirectoryReply {
  private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
  private static final int TYPE_SHIFT = 12;

  private final ImageFiles files;
  private final MemorySegment out;
  private final int size;

  /** Bytes of {@code struct fuse_entry_out} before every record, or none. */
  private final int plus;

  private int length;

  /** Fills the first {@code size} bytes of {@code out} at most. */
  DirectoryReply(ImageFiles files, MemorySegment out, int size, boolean plus) {
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
    out.asSlice(length, plus).fill((byte) 0);
    int at = record(ino, next, dots, Inode.S_IFDIR);
    out.set(ValueLayout.JAVA_BYTE, at, (byte) '.');
    out.set(ValueLayout.JAVA_BYTE, at + dots - 1, (byte) '.');
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
    out.set(I64, at, ino);
    out.set(I64, at + 8, next);
    out.set(I32, at + 16, nameLength);
    out.set(I32, at + 20, (mode & Inode.S_IFMT) >> TYPE_SHIFT);
    return at + FuseAbi.DIRENT_NAME;
  }

  private int pad(int end) {
    int padded = align(end);
    for (int i = end; i < padded; i++) {
      out.set(ValueLayout.JAVA_BYTE, i, (byte) 0);
    }
    return padded;
  }
}
