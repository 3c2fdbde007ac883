package io.github.composefs4j.core.errors;

/** An object is not in the store that was asked. */
public final class MissingObjectException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final String digest;

  /**
   * A missing object.
   *
   * @param digest its digest in hex
   * @param store the store, printable
   */
  public MissingObjectException(String digest, String store) {
    super("object " + digest + " is missing in " + store);
    this.digest = digest;
  }

  /** {@return the digest in hex} */
  public String digest() {
    return digest;
  }
}
