package io.github.composefs4j.cli;

import java.io.IOException;
import java.util.List;

/** A command: one instance a run. */
interface Command {
  /** {@return the usage line, starting with the command's name} */
  String usage();

  /** {@return its options, for help, manual page and completion} */
  List<GetOpt.Option> options();

  /** Does the work and returns the exit status. */
  int run(List<String> args, Console console) throws IOException, UsageException;
}
