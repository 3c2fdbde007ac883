package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A walk over the entries of one directory, checked as it goes (erofs-image.md 12.3, D1 to D6,
 * I11). For one thread.
 */
public final class DirentCursor {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int DIRENT = ImageLayout.DIRENT;
  private static final int FT_MAX = 7;

  private final ErofsImage image;
  private final ImageInode directory;
  private byte[] block = {};
  private int blockLength;
  private long position;
  private int entry;
  private int entries;
  private int nameOffset;
  private int nameLength;
  private byte[] previous = {};
  private int previousLength;
  private boolean first = true;

  /** Whether the walk did not start at the first entry, so that the end can tell nothing. */
  private boolean resumed;

  private boolean dot;
  private boolean dotDot;
  private long parent = -1;
  private long subdirectories;

  DirentCursor(ErofsImage image, ImageInode directory) {
    this.image = image;
    this.directory = directory;
    this.dot = directory.isDotOmitted();
  }

  /** Moves to where another walk was; for a cursor that was not moved. */
  void resume(long other) throws IOException {
    if (other == 0) {
      return;
    }
    resumed = true;
    dot = false; // what was passed before does not count as a second one
    if (other < 0 || other >= directory.size()) {
      position = directory.size();
      return;
    }
    int blockSize = image.blockSize();
    position = other - other % blockSize;
    nextBlock();
    entry = (int) Math.min(other % blockSize, entries);
  }

  /**
   * {@return where this walk is: what {@link ImageInode#entries(long)} takes to go on behind the
   * current entry} Never 0 once it moved.
   */
  public long position() {
    // Blocks have far fewer entries than bytes. Behind the last entry of a block is the next block,
    // or the end, which is found without reading anything again.
    return entry == entries ? position : position - blockLength + entry;
  }

  /**
   * {@return true if it moved to the next entry}
   *
   * @throws CorruptImageException at an entry, or at the end of a directory, that breaks a rule
   */
  public boolean next() throws IOException {
    while (true) {
      if (entry == entries) {
        if (position == directory.size()) {
          if (!resumed) {
            checkEnd();
          }
          return false;
        }
        nextBlock();
      }
      advance();
      if (isDots(1)) {
        if (dot || nid() != directory.nid()) {
          throw corrupt("'.' is not the directory itself, once");
        }
        dot = true;
      } else if (isDots(2)) {
        if (dotDot) {
          throw corrupt("a second '..'");
        }
        dotDot = true;
        parent = nid();
      } else {
        if (fileType() == Disk.FT_DIRECTORY) {
          subdirectories++;
        }
        return true;
      }
    }
  }

  private boolean isDots(int count) {
    return nameLength == count && block[nameOffset] == '.' && block[nameOffset + count - 1] == '.';
  }

  private void nextBlock() throws IOException {
    blockLength = (int) Math.min(image.blockSize(), directory.size() - position);
    if (block.length == 0) {
      block = new byte[(int) Math.min(image.blockSize(), directory.size())];
    }
    int done = 0;
    while (done < blockLength) {
      done += directory.read(position + done, block, done, blockLength - done);
    }
    position += blockLength;
    if (blockLength < DIRENT) {
      throw corrupt("a block of " + blockLength + " bytes");
    }
    int names = nameOffsetOf(0);
    if (names < DIRENT || names % DIRENT != 0 || names > blockLength) {
      throw corrupt("first name at " + names + " of a block of " + blockLength + " bytes");
    }
    entries = names / DIRENT;
    entry = 0;
  }

  private int nameOffsetOf(int i) {
    int at = i * DIRENT + Disk.DIRENT_NAMEOFF;
    return block[at] & 0xff | (block[at + 1] & 0xff) << 8;
  }

  private void advance() throws CorruptImageException {
    int start = nameOffsetOf(entry);
    int end = blockLength;
    if (entry + 1 < entries) {
      end = nameOffsetOf(entry + 1);
      if (end <= start || end > blockLength) {
        throw corrupt("name of entry " + entry + " from " + start + " to " + end);
      }
    } else {
      end = lastNameEnd(start);
    }
    if (end - start < 1 || end - start > Limits.NAME_MAX) {
      throw corrupt("a name of " + (end - start) + " bytes");
    }
    for (int i = start; i < end; i++) {
      if (block[i] == 0 || block[i] == '/') {
        throw corrupt("a name with a NUL or a slash");
      }
    }
    nameOffset = start;
    nameLength = end - start;
    if (!first
        && Arrays.compareUnsigned(
                previous, 0, previousLength, block, nameOffset, nameOffset + nameLength)
            >= 0) {
      throw corrupt("names out of order or twice");
    }
    first = false;
    keepName();
    int type = block[entry * DIRENT + Disk.DIRENT_FILE_TYPE];
    if (type < 0 || type > FT_MAX) {
      throw corrupt("file type " + type);
    }
    entry++;
  }

  /** For the comparison with the next name, which may be in another block. */
  private void keepName() {
    if (nameLength > previous.length) {
      previous = new byte[Limits.NAME_MAX];
    }
    System.arraycopy(block, nameOffset, previous, 0, nameLength);
    previousLength = nameLength;
  }

  /** The last name of a block ends at the first zero; only zeros follow. */
  private int lastNameEnd(int start) throws CorruptImageException {
    if (start > blockLength) {
      throw corrupt("the last name starts at " + start + " of " + blockLength);
    }
    int end = start;
    while (end < blockLength && block[end] != 0) {
      end++;
    }
    boolean whole = blockLength == image.blockSize();
    for (int i = end; i < blockLength; i++) {
      if (block[i] != 0 || !whole) {
        throw corrupt("bytes after the last name");
      }
    }
    return end;
  }

  private void checkEnd() throws CorruptImageException {
    if (!dot || !dotDot) {
      throw corrupt("no '.' or no '..'");
    }
    if (image.profile() == ImageProfile.COMPOSEFS
        && Integer.toUnsignedLong(directory.nlink()) != subdirectories + 2) {
      throw corrupt(
          "link count "
              + Integer.toUnsignedString(directory.nlink())
              + " with "
              + subdirectories
              + " sub-directories");
    }
  }

  /** Throws unless {@code ..}, if it was passed by now, is this directory. */
  void requireParent(long expected) throws CorruptImageException {
    if (dotDot && parent != expected) {
      throw corrupt("'..' is inode " + parent + ", not " + expected);
    }
  }

  /** {@return whether the current name is two lower-case hexadecimal digits} */
  boolean isStubName() {
    return nameLength == 2 && isHex(block[nameOffset]) && isHex(block[nameOffset + 1]);
  }

  private static boolean isHex(byte c) {
    return c >= '0' && c <= '9' || c >= 'a' && c <= 'f';
  }

  private CorruptImageException corrupt(String reason) {
    return directory.corrupt("directory: " + reason);
  }

  /** {@return the nid of the current entry} */
  public long nid() {
    return (long) LONG.get(block, (entry - 1) * DIRENT);
  }

  /** {@return the stored file type of the current entry} */
  int fileType() {
    return block[(entry - 1) * DIRENT + Disk.DIRENT_FILE_TYPE];
  }

  /** {@return a copy of the current name} */
  public byte[] name() {
    return Arrays.copyOfRange(block, nameOffset, nameOffset + nameLength);
  }

  /** {@return the length of the current name} */
  public int nameLength() {
    return nameLength;
  }

  /** Copies the current name. */
  public void copyName(byte[] into, int at) {
    System.arraycopy(block, nameOffset, into, at, nameLength);
  }

  /** {@return the order of the current name relative to {@code other}, by unsigned bytes} */
  public int compareName(byte[] other) {
    return Arrays.compareUnsigned(
        block, nameOffset, nameOffset + nameLength, other, 0, other.length);
  }

  /** {@return the inode of the current entry, whose kind is that of the entry} */
  public ImageInode inode() throws IOException {
    ImageInode inode = image.inode(nid());
    if (fileType() != Disk.fileType(inode.mode())) {
      throw corrupt(
          "entry of type "
              + fileType()
              + " for an inode with mode 0"
              + Integer.toOctalString(inode.mode()));
    }
    return inode;
  }
}
