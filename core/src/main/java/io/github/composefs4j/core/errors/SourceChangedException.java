package io.github.composefs4j.core.errors;

/** A file or directory changed, vanished or was replaced while it was being read. */
public final class SourceChangedException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final String path;

  /**
   * A source that did not hold still.
   *
   * @param path the path, printable
   * @param reason what was seen
   */
  public SourceChangedException(String path, String reason) {
    super(path + ": " + reason);
    this.path = path;
  }

  /** {@return the path of what changed, printable} */
  public String path() {
    return path;
  }
}
