package io.github.composefs4j.core.spi;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.ServiceLoader;

/** Zstandard, which the JDK lacks. Thread-safe. */
public interface StreamCodec {
  /**
   * {@return the content of all frames of {@code in}, one after the other} What is no frame, or is
   * cut short, is an {@link IOException}, also after the last frame. Windows of 8 MiB are read at
   * least.
   */
  InputStream decompress(InputStream in) throws IOException;

  /** {@return where to write what becomes one frame; closing ends it and closes {@code out}} */
  OutputStream compress(OutputStream out) throws IOException;

  /** {@return the first codec there is} */
  static Optional<StreamCodec> find() {
    return ServiceLoader.load(StreamCodec.class).findFirst();
  }
}
