package io.github.composefs4j.core.errors;

/** An image breaks a rule of the format: which image, at which byte, which rule. */
public final class CorruptImageException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final String source;
  private final long offset;
  private final String reason;

  /**
   * A broken rule.
   *
   * @param source the image, as the caller named it
   * @param offset byte offset in the image of the structure that is wrong
   * @param reason the rule and the value found, without source and offset
   */
  public CorruptImageException(String source, long offset, String reason) {
    super(source + ": at 0x" + Long.toHexString(offset) + ": " + reason);
    this.source = source;
    this.offset = offset;
    this.reason = reason;
  }

  /** {@return the image, as the caller named it} */
  public String source() {
    return source;
  }

  /** {@return the byte offset of the structure that is wrong} */
  public long offset() {
    return offset;
  }

  /** {@return the broken rule, without source and offset} */
  public String reason() {
    return reason;
  }
}
