package io.github.composefs4j.core.errors;

import org.jspecify.annotations.Nullable;

/** A splitstream breaks a rule of the format: which stream, at which byte, which rule. */
public final class CorruptStreamException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final long offset;

  /**
   * A broken rule.
   *
   * @param source the stream, as the caller named it
   * @param offset byte offset in the file of the section or field that is wrong
   * @param reason the rule and the value found
   */
  public CorruptStreamException(
      String source, long offset, String reason, @Nullable Throwable cause) {
    super(source + ": at 0x" + Long.toHexString(offset) + ": " + reason, cause);
    this.offset = offset;
  }

  /** {@return the byte offset of what is wrong} */
  public long offset() {
    return offset;
  }
}
