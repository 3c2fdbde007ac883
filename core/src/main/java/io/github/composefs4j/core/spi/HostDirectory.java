package io.github.composefs4j.core.spi;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/**
 * An open directory of the host. No method follows symlinks. Several threads may ask for what
 * stands under a name at once; all else is for one, and {@link #close} for when nobody asks any
 * more.
 */
public interface HostDirectory extends Closeable {
  /**
   * One name.
   *
   * @param name the name's bytes
   * @param type the type bits of what it stood for when the directory was read
   */
  record Entry(byte[] name, int type) {}

  /** Receives extended attributes. */
  @FunctionalInterface
  interface XattrSink {
    /** Takes a full name and its value. */
    void accept(byte[] name, byte[] value) throws IOException;
  }

  /** {@return the directory's own stat, now} */
  HostStat stat() throws IOException;

  /** {@return the stat of an entry itself, now} */
  HostStat stat(byte[] name) throws IOException;

  /**
   * {@return all entries but {@code .} and {@code ..}, in any order} A name that vanishes meanwhile
   * is left out.
   */
  List<Entry> list() throws IOException;

  /** {@return a sub-directory} */
  HostDirectory openDirectory(byte[] name) throws IOException;

  /** {@return the parent, through {@code ..}} */
  HostDirectory openParent() throws IOException;

  /** {@return a regular file, opened for reading without ever blocking} */
  HostFile openFile(byte[] name) throws IOException;

  /** {@return the target of a symlink} */
  byte[] readLink(byte[] name) throws IOException;

  /** Passes the extended attributes of an entry of any kind, in any order. */
  void xattrs(byte[] name, XattrSink sink) throws IOException;

  /** Passes the extended attributes of this directory. */
  void xattrs(XattrSink sink) throws IOException;
}
