package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageInode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The inodes of an image as nodes of the protocol, straight from the image's bytes. A node's id is
 * its nid plus 2, of the root 1: ids need no table, are never reused, and hard links share one.
 * Thread-safe.
 */
final class ImageFiles {
  private static final long NID_OFFSET = 2;
  static final int BLOCK = 4096;

  /** An image never changes: 2^40 seconds. */
  private static final long FOREVER = 1L << 40;

  private final ErofsImage image;

  ImageFiles(ErofsImage image) {
    this.image = image;
  }

  ErofsImage image() {
    return image;
  }

  /**
   * {@return the inode of a node}
   *
   * @throws io.github.composefs4j.core.errors.CorruptImageException if there is none
   */
  ImageInode inode(long nodeId) throws IOException {
    return nodeId == FuseAbi.ROOT_ID ? image.root() : image.inode(nodeId - NID_OFFSET);
  }

  long nodeId(ImageInode inode) {
    long nid = inode.nid();
    return nid == image.root().nid() ? FuseAbi.ROOT_ID : nid + NID_OFFSET;
  }

  /**
   * {@return whether an inode is not to be seen} Devices of number 0, be they stubs or a tree's own
   * of version 2, are whiteouts to the overlay of the kernel's mount, which shows nothing there.
   */
  static boolean isHidden(ImageInode inode) {
    return inode.isStoredWhiteout();
  }

  /** Writes zeros; {@code bytes} is a multiple of 8. */
  static void clear(ByteBuffer out, int at, int bytes) {
    for (int i = at; i < at + bytes; i += 8) {
      out.putLong(i, 0);
    }
  }

  // Structures are made of longs, two small fields in one: most of a walk is over before its code
  // is made, and until then each access to a buffer costs a hundred times that of an array.

  private static long pair(int low, int high) {
    return Integer.toUnsignedLong(low) | (long) high << Integer.SIZE;
  }

  /** Makes {@code struct fuse_attr}: what the kernel's own mount shows. */
  private static void attr(ImageInode inode, long[] out, int at) {
    long size = inode.size();
    long seconds = inode.mtimeSeconds();
    int nanos = inode.mtimeNanos();
    out[at] = inode.nid();
    out[at + 1] = size;
    out[at + 2] = (size + BLOCK - 1) / BLOCK * (BLOCK / 512);
    out[at + 3] = seconds;
    out[at + 4] = seconds;
    out[at + 5] = seconds;
    out[at + 6] = pair(nanos, nanos);
    out[at + 7] = pair(nanos, inode.mode());
    out[at + 8] = pair(inode.nlink(), inode.uid());
    out[at + 9] = pair(inode.gid(), inode.rdev());
    out[at + 10] = BLOCK;
  }

  /** Makes {@code struct fuse_attr_out}. */
  void attrOut(ImageInode inode, long[] out) {
    out[0] = FOREVER;
    out[1] = 0;
    attr(inode, out, FuseAbi.ATTR_OUT_ATTR / Long.BYTES);
  }

  /** Makes {@code struct fuse_entry_out}. */
  void entryOut(ImageInode inode, long[] out) {
    out[0] = nodeId(inode);
    validity(out);
    attr(inode, out, FuseAbi.ENTRY_ATTR / Long.BYTES);
  }

  /**
   * Makes the {@code struct fuse_entry_out} of a name that is not there, for the kernel to keep.
   */
  static void negativeEntryOut(long[] out) {
    Arrays.fill(out, 0, FuseAbi.ENTRY_OUT / Long.BYTES, 0);
    validity(out);
  }

  private static void validity(long[] out) {
    out[1] = 0;
    out[2] = FOREVER;
    out[3] = FOREVER;
    out[4] = 0;
  }

  /** Writes {@code struct fuse_kstatfs}, with the numbers of EROFS. */
  void putStatfs(ByteBuffer out) {
    clear(out, 0, FuseAbi.STATFS_OUT);
    out.putLong(0, image.size() / BLOCK);
    out.putLong(24, -1);
    out.putLong(32, -1 - image.inodes());
    out.putInt(40, BLOCK);
    out.putInt(44, 255);
    out.putInt(48, BLOCK);
  }
}
