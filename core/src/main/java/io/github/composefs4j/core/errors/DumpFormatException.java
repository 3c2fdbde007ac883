package io.github.composefs4j.core.errors;

/** A line of a dump file breaks a rule (dump-format.md, section 9.1). */
public final class DumpFormatException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final long line;
  private final int column;
  private final String reason;

  /**
   * A broken rule in a dump.
   *
   * @param source the dump, as the caller named it
   * @param line line number from 1; 0 if the dump as a whole is meant
   * @param column column number from 1, in the sense of dump-format.md section 4 (12 and above are
   *     xattrs); 0 if the line as a whole is meant
   * @param reason the rule and the text found
   */
  public DumpFormatException(String source, long line, int column, String reason) {
    super(
        source
            + (line > 0 ? ": line " + line : "")
            + (column > 0 ? ", column " + column : "")
            + ": "
            + reason);
    this.line = line;
    this.column = column;
    this.reason = reason;
  }

  /** {@return the line number from 1, or 0 if the dump as a whole is meant} */
  public long line() {
    return line;
  }

  /** {@return the column number from 1, or 0 if the line as a whole is meant} */
  public int column() {
    return column;
  }

  /** {@return the broken rule, without source, line and column} */
  public String reason() {
    return reason;
  }
}
