package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.util.List;

/**
 * A command: parses, calls the library, prints, returns an exit status. One instance a run, for one
 * thread.
 */
public interface Command {
  /** {@return what it takes; the actions of its options set fields of this command} */
  Definition definition();

  /**
   * Does the work, after all options have been met.
   *
   * @return the exit status
   * @throws UsageException if the arguments do not go together
   * @throws IOException the message is for people, one line
   */
  int run(List<String> operands, Console console) throws IOException, UsageException;
}
