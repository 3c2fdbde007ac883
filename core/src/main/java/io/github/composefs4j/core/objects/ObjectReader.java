package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.Optional;

/** An open object. Thread-safe: reads are positional. Its bytes are not yet verified. */
public interface ObjectReader extends Closeable {
  /** {@return the size in bytes that the store says the object has} */
  long size() throws IOException;

  /**
   * Reads bytes of the object.
   *
   * @param position of the first byte in the object
   * @return how many bytes were read, less than asked for only at the end; 0 at the end
   */
  int read(long position, byte[] into, int offset, int length) throws IOException;

  /**
   * {@return the fs-verity digest that the kernel holds every read of this reader to; empty if the
   * bytes come unchecked} No answer is always right.
   */
  default Optional<Digest> kernelDigest() throws IOException {
    return Optional.empty();
  }

  /** {@return a reader of an open file, which is closed with it} */
  static ObjectReader of(HostFile file) {
    return new FileReader(file);
  }

  /** {@return a reader of an open channel, which is closed with it} */
  static ObjectReader of(FileChannel channel) {
    return new ChannelReader(channel);
  }
}
