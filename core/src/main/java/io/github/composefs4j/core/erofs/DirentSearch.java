package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Finds one name in a directory by bisection: first the block, then the entry (erofs-image.md 7.4).
 * Checks what it touches; in a directory whose names are out of order it may miss one that a walk
 * would meet. For one thread.
 */
final class DirentSearch {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int DIRENT = ImageLayout.DIRENT;

  private final ImageInode directory;
  private final int blockSize;
  private final byte[] block;
  private long loaded = -1;
  private int length;
  private int entries;
  private int found;

  DirentSearch(ErofsImage image, ImageInode directory) {
    this.directory = directory;
    this.blockSize = image.blockSize();
    this.block = new byte[(int) Math.min(blockSize, directory.size())];
  }

  /** {@return whether the name is there; the search is at its entry then} */
  boolean find(byte[] name) throws IOException {
    // The last block whose first name is not greater, or the first block.
    long low = 0;
    long high = (directory.size() - 1) / blockSize;
    while (low < high) {
      long middle = low + high + 1 >>> 1;
      load(middle);
      if (compare(0, name) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    load(low);
    int first = 0;
    int last = entries - 1;
    while (first <= last) {
      found = first + last >>> 1;
      int order = compare(found, name);
      if (order == 0) {
        return true;
      }
      if (order < 0) {
        first = found + 1;
      } else {
        last = found - 1;
      }
    }
    return false;
  }

  /** {@return the nid of the entry that was found} */
  long nid() {
    return (long) LONG.get(block, found * DIRENT);
  }

  /** {@return the file type of the entry that was found} */
  int fileType() {
    return block[found * DIRENT + Disk.DIRENT_FILE_TYPE];
  }

  private void load(long number) throws IOException {
    if (number == loaded) {
      return;
    }
    long position = number * blockSize;
    length = (int) Math.min(block.length, directory.size() - position);
    for (int done = 0; done < length; ) {
      done += directory.read(position + done, block, done, length - done);
    }
    int names = length < DIRENT ? 0 : nameOffset(0);
    if (names < DIRENT || names % DIRENT != 0 || names > length) {
      throw corrupt("first name at " + names + " of a block of " + length + " bytes");
    }
    entries = names / DIRENT;
    loaded = number;
  }

  private int nameOffset(int entry) {
    return Short.toUnsignedInt((short) SHORT.get(block, entry * DIRENT + Disk.DIRENT_NAMEOFF));
  }

  private int compare(int entry, byte[] name) throws IOException {
    int start = nameOffset(entry);
    int end = entry + 1 < entries ? nameOffset(entry + 1) : length;
    if (start < entries * DIRENT || end < start || end > length) {
      throw corrupt("name of entry " + entry + " from " + start + " to " + end);
    }
    if (entry + 1 == entries) {
      // The last name of a block ends at the first zero.
      int zero = start;
      while (zero < end && block[zero] != 0) {
        zero++;
      }
      end = zero;
    }
    return Arrays.compareUnsigned(block, start, end, name, 0, name.length);
  }

  private CorruptImageException corrupt(String reason) {
    return directory.corrupt("directory: " + reason);
  }
}
