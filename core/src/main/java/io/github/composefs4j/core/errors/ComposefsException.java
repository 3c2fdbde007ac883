package io.github.composefs4j.core.errors;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Something from outside (image, dump, tree, store) is not as composefs needs it. The message is
 * one line.
 */
public class ComposefsException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String message;

  /** An error described by {@code message}, one line. */
  public ComposefsException(String message) {
    super(message);
    this.message = message;
  }

  /** An error described by {@code message}, one line, with the failure behind it. */
  public ComposefsException(String message, @Nullable Throwable cause) {
    super(message, cause);
    this.message = message;
  }

  /** {@return what is wrong, one line} */
  @Override
  public String getMessage() {
    return message;
  }
}
