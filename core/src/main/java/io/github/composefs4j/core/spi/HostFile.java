package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/** An open regular file of the host. May be handed from thread to thread. */
public interface HostFile extends Closeable {
  /** {@return the file's stat, now} */
  HostStat stat() throws IOException;

  /** {@return the size in bytes, now} */
  default long size() throws IOException {
    return stat().size();
  }

  /** {@return the number of bytes read, 0 at the end} */
  int read(long position, byte[] into, int offset, int length) throws IOException;

  /**
   * {@return the fs-verity digest that the kernel holds every read of this open file to; empty if
   * there is none, or nobody to ask}
   */
  default Optional<Digest> verityDigest() throws IOException {
    return Optional.empty();
  }

  /** Passes the extended attributes, in any order. */
  void xattrs(HostDirectory.XattrSink sink) throws IOException;
}
