package io.github.composefs4j.core.spi;

import java.io.Closeable;
import java.io.IOException;

/**
 * An open directory of the host that a tree is written into. For one thread. Names are those of new
 * entries, or of entries that were made here; {@link #self} stands for the directory. No method
 * follows a symlink.
 */
public interface TargetDirectory extends Closeable {
  /** {@return the name of the directory itself, where metadata is set} */
  static byte[] self() {
    return new byte[] {'.'};
  }

  /** {@return whether there is nothing in it} */
  boolean isEmpty() throws IOException;

  /** {@return a new directory that only its owner may use} */
  TargetDirectory makeDirectory(byte[] name) throws IOException;

  /** {@return a directory that was made here} */
  TargetDirectory openDirectory(byte[] name) throws IOException;

  /** {@return a new empty file that only its owner may use} */
  TargetFile makeFile(byte[] name) throws IOException;

  /** Makes a symlink. */
  void makeSymlink(byte[] name, byte[] target) throws IOException;

  /**
   * Makes a device, FIFO or socket.
   *
   * @param mode type and permission bits
   * @param rdev device number in the kernel's 32-bit encoding
   * @return false if this process may not
   */
  boolean makeNode(byte[] name, int mode, int rdev) throws IOException;

  /** Gives an entry of a directory a further name here. */
  void link(TargetDirectory from, byte[] fromName, byte[] name) throws IOException;

  /** Sets the owner. {@return false if this process may not} */
  boolean setOwner(byte[] name, int uid, int gid) throws IOException;

  /** Sets an attribute. {@return false if this process may not, or the file system cannot} */
  boolean setXattr(byte[] name, byte[] key, byte[] value) throws IOException;

  /** Sets the permission bits, of anything but a symlink. */
  void setMode(byte[] name, int permissions) throws IOException;

  /** Sets the modification time, and the time of access to the same. */
  void setTime(byte[] name, long seconds, int nanos) throws IOException;

  /** Removes all entries, and all below them. */
  void removeAll() throws IOException;

  /** A file under construction. For one thread. */
  interface TargetFile extends Closeable {
    /**
     * Makes this a copy of all of {@code source} that shares its blocks.
     *
     * @return false if these file systems cannot; the file is empty then
     */
    boolean cloneFrom(HostFile source) throws IOException;

    /** Writes bytes at a position. */
    void write(long position, byte[] bytes, int offset, int length) throws IOException;

    /** {@return the number of bytes read, 0 at the end} */
    int read(long position, byte[] into, int offset, int length) throws IOException;

    /** Sets the size; what is added is a hole. */
    void setSize(long size) throws IOException;
  }
}
