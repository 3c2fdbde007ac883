package io.github.composefs4j.core.spi;

/** What core asks of the operating system. */
public interface Platform {
  /** {@return a short name for messages, such as {@code linux}} */
  String name();
}
