package io.github.composefs4j.core.objects;

import java.io.Closeable;
import java.io.IOException;

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
}
