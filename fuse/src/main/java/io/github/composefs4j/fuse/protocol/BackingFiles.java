package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ImageInode;
import java.io.IOException;

/** Objects that the kernel reads itself (fuse-and-mount.md 8). Thread-safe. */
public interface BackingFiles {
  /**
   * {@return the id under which the kernel knows the object of an inode} To be given back by {@link
   * #close} as often.
   *
   * @throws IOException if there is no object, or it is not what it should be
   */
  int open(ImageInode inode) throws IOException;

  /** Ends one use of the object of an inode. */
  void close(ImageInode inode);
}
