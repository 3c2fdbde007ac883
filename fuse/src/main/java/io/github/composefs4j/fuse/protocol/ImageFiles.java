package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageInode;
import java.io.IOException;
import java.nio.ByteBuffer;

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

  /** Writes {@code struct fuse_attr}: what the kernel's own mount shows. */
  void putAttr(ByteBuffer out, int at, ImageInode inode) {
    long size = inode.size();
    long seconds = inode.mtimeSeconds();
    int nanos = inode.mtimeNanos();
    out.putLong(at, inode.nid());
    out.putLong(at + 8, size);
    out.putLong(at + 16, (size + BLOCK - 1) / BLOCK * (BLOCK / 512));
    out.putLong(at + 24, seconds);
    out.putLong(at + 32, seconds);
    out.putLong(at + 40, seconds);
    out.putInt(at + 48, nanos);
    out.putInt(at + 52, nanos);
    out.putInt(at + 56, nanos);
    out.putInt(at + 60, inode.mode());
    out.putInt(at + 64, inode.nlink());
    out.putInt(at + 68, inode.uid());
    out.putInt(at + 72, inode.gid());
    out.putInt(at + 76, inode.rdev());
    out.putInt(at + 80, BLOCK);
    out.putInt(at + 84, 0);
  }

  /** Writes {@code struct fuse_attr_out}. */
  void putAttrOut(ByteBuffer out, ImageInode inode) {
    out.putLong(0, FOREVER);
    out.putLong(8, 0);
    putAttr(out, FuseAbi.ATTR_OUT_ATTR, inode);
  }

  /** Writes {@code struct fuse_entry_out}. */
  void putEntry(ByteBuffer out, int at, ImageInode inode) {
    out.putLong(at, nodeId(inode));
    putValidity(out, at);
    putAttr(out, at + FuseAbi.ENTRY_ATTR, inode);
  }

  /**
   * Writes the {@code struct fuse_entry_out} of a name that is not there, for the kernel to keep.
   */
  void putNegativeEntry(ByteBuffer out) {
    clear(out, 0, FuseAbi.ENTRY_OUT);
    putValidity(out, 0);
  }

  private static void putValidity(ByteBuffer out, int at) {
    out.putLong(at + 8, 0);
    out.putLong(at + 16, FOREVER);
    out.putLong(at + 24, FOREVER);
    out.putLong(at + 32, 0);
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
