package io.github.composefs4j.core.tree;

/** A FIFO, also called a named pipe. */
public final class Fifo extends Inode {
  private final long size;

  /** An inode of size 0. */
  public Fifo(Stat stat, XattrSet xattrs) {
    this(stat, xattrs, 0);
  }

  /**
   * An inode with a size, which images do not store but which decides their layout (erofs-image.md
   * 6.2, Q9).
   */
  public Fifo(Stat stat, XattrSet xattrs, long size) {
    super(S_IFIFO, stat, xattrs);
    this.size = size;
  }

  /** {@return the size that was given, an unsigned value, 0 unless a dump said otherwise} */
  public long size() {
    return size;
  }
}
