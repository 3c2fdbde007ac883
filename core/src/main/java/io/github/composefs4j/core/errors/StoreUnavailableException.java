package io.github.composefs4j.core.errors;

import org.jspecify.annotations.Nullable;

/** An object store did not answer: whether it has an object is not known. */
public final class StoreUnavailableException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  /**
   * A store that cannot be asked.
   *
   * @param store the store, printable
   * @param reason what happened
   */
  public StoreUnavailableException(String store, String reason, @Nullable Throwable cause) {
    super(store + ": " + reason, cause);
  }
}
