package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.HostFile;
import java.util.function.Supplier;

/**
 * A file to become an object.
 *
 * @param file open for reading; stays open
 * @param size what it must have
 * @param named what messages call it, printable; asked when there is a message
 */
public record ObjectSource(HostFile file, long size, Supplier<String> named) {
  /** {@return what messages call it} */
  public String path() {
    return named.get();
  }
}
