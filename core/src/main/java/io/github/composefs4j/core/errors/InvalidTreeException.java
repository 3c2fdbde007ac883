package io.github.composefs4j.core.errors;

/**
 * A file tree cannot be built or written as asked: a name, a size, a link or an attribute breaks a
 * limit.
 */
public final class InvalidTreeException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  /** A broken rule, with the path or name concerned in the message where one is known. */
  public InvalidTreeException(String message) {
    super(message);
  }
}
