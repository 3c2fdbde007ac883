package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageInode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The inodes of an image as nodes of the protocol, straight from the image's bytes. A node's id is
 * its nid plus 2, of the root 1: ids need no table, are never reused, and hard links share one.
 * Thread-safe.
 */
final class ImageFiles {
  private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

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

  /** Writes {@code struct fuse_attr}: what the kernel's own mount shows. */
  void putAttr(MemorySegment out, long at, ImageInode inode) {
    long size = inode.size();
    long seconds = inode.mtimeSeconds();
    int nanos = inode.mtimeNanos();
    out.set(I64, at, inode.nid());
    out.set(I64, at + 8, size);
    out.set(I64, at + 16, (size + BLOCK - 1) / BLOCK * (BLOCK / 512));
    out.set(I64, at + 24, seconds);
    out.set(I64, at + 32, seconds);
    out.set(I64, at + 40, seconds);
    out.set(I32, at + 48, nanos);
    out.set(I32, at + 52, nanos);
    out.set(I32, at + 56, nanos);
    out.set(I32, at + 60, inode.mode());
    out.set(I32, at + 64, inode.nlink());
    out.set(I32, at + 68, inode.uid());
    out.set(I32, at + 72, inode.gid());
    out.set(I32, at + 76, inode.rdev());
    out.set(I32, at + 80, BLOCK);
    out.set(I32, at + 84, 0);
  }

  /** Writes {@code struct fuse_attr_out}. */
  void putAttrOut(MemorySegment out, ImageInode inode) {
    out.set(I64, 0, FOREVER);
    out.set(I64, 8, 0);
    putAttr(out, FuseAbi.ATTR_OUT_ATTR, inode);
  }

  /** Writes {@code struct fuse_entry_out}. */
  void putEntry(MemorySegment out, long at, ImageInode inode) {
    out.set(I64, at, nodeId(inode));
    putValidity(out, at);
    putAttr(out, at + FuseAbi.ENTRY_ATTR, inode);
  }

  /**
   * Writes the {@code struct fuse_entry_out} of a name that is not there, for the kernel to keep.
   */
  void putNegativeEntry(MemorySegment out) {
    out.asSlice(0, FuseAbi.ENTRY_OUT).fill((byte) 0);
    putValidity(out, 0);
  }

  private static void putValidity(MemorySegment out, long at) {
    out.set(I64, at + 8, 0);
    out.set(I64, at + 16, FOREVER);
    out.set(I64, at + 24, FOREVER);
    out.set(I64, at + 32, 0);
  }

  /** Writes {@code struct fuse_kstatfs}, with the numbers of EROFS. */
  void putStatfs(MemorySegment out) {
    out.asSlice(0, FuseAbi.STATFS_OUT).fill((byte) 0);
    out.set(I64, 0, image.size() / BLOCK);
    out.set(I64, 24, -1);
    out.set(I64, 32, -1 - image.inodes());
    out.set(I32, 40, BLOCK);
    out.set(I32, 44, 255);
    out.set(I32, 48, BLOCK);
  }
}
