package io.github.composefs4j.core.spi;

import java.io.Closeable;
import java.io.IOException;

/** An open regular file of the host. May be handed from thread to thread. */
public interface HostFile extends Closeable {
  /** {@return the file's stat, now} */
  HostStat stat() throws IOException;

  /** {@return the number of bytes read, 0 at the end} */
  int read(long position, byte[] into, int offset, int length) throws IOException;

  /** Passes the extended attributes, in any order. */
  void xattrs(HostDirectory.XattrSink sink) throws IOException;
}
