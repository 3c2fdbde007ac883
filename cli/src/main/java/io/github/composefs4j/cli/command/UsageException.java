package io.github.composefs4j.cli.command;

/** The command line is wrong: the message is one line. */
public class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  /** A wrong command line. */
  public UsageException(String message) {
    super(message);
  }
}
