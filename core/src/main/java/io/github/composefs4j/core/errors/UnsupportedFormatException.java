package io.github.composefs4j.core.errors;

/**
 * The bytes are well formed as far as can be told, but of a version or feature that is not
 * supported.
 */
public final class UnsupportedFormatException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  /**
   * An unsupported version or feature.
   *
   * @param source the image or file, as the caller named it
   * @param reason what is not supported
   */
  public UnsupportedFormatException(String source, String reason) {
    super(source + ": " + reason);
  }
}
