package io.github.composefs4j.cli;

/** The command line is wrong: the message, one line, and exit status 1. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
