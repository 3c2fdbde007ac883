package io.github.composefs4j.core.tree;

/** A block or character device. A character device with {@code rdev} 0 is a whiteout. */
public final class Device extends Inode {
  private final int rdev;
  private final long size;

  private Device(int typeBits, Stat stat, XattrSet xattrs, int rdev, long size) {
    super(typeBits, stat, xattrs);
    this.rdev = rdev;
    this.size = size;
  }

  /**
   * {@return a block device}
   *
   * @param rdev device number in the kernel's 32-bit encoding
   */
  public static Device block(Stat stat, XattrSet xattrs, int rdev) {
    return new Device(S_IFBLK, stat, xattrs, rdev, 0);
  }

  /**
   * {@return a character device}
   *
   * @param rdev device number in the kernel's 32-bit encoding; 0 makes a whiteout
   */
  public static Device character(Stat stat, XattrSet xattrs, int rdev) {
    return new Device(S_IFCHR, stat, xattrs, rdev, 0);
  }

  /**
   * {@return this with a size, which images do not store but which decides their layout
   * (erofs-image.md 6.2, Q9)}
   */
  public Device withSize(long newSize) {
    return newSize == size ? this : new Device(typeBits(), stat(), xattrs(), rdev, newSize);
  }

  /** {@return the device number in the kernel's 32-bit encoding, an unsigned value} */
  public int rdev() {
    return rdev;
  }

  /** {@return the size that was given, an unsigned value, 0 unless a dump said otherwise} */
  public long size() {
    return size;
  }

  /** {@return true for a character device with number 0, overlayfs' mark of a deleted name} */
  public boolean isWhiteout() {
    return rdev == 0 && typeBits() == S_IFCHR;
  }
}
