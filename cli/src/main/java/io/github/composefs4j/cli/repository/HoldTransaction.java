package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** {@code transaction}: keeps collections away, until it is killed or while a command runs. */
final class HoldTransaction extends RepositoryCommand {
  private static final int SIGNALLED = 128;

  @Override
  Definition own() {
    return Definition.command("transaction", "keep the repository from being collected")
        .repeated("COMMAND", "a program with its arguments, after --", true)
        .describe(
            "With a COMMAND, collections wait while it runs, and its exit status becomes ours;"
                + " otherwise until this command is killed.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    try (Repository open = repository.open();
        Repository.Hold _ = open.hold()) {
      if (operands.isEmpty()) {
        while (true) {
          LockSupport.park();
        }
      }
      Process process = start(operands);
      try {
        return process.waitFor();
      } catch (InterruptedException e) {
        process.destroy();
        return SIGNALLED;
      }
    }
  }

  private static Process start(List<String> command) throws IOException {
    try {
      return new ProcessBuilder(command).inheritIO().start();
    } catch (IOException e) {
      // The reason is at the end, in parentheses.
      String text = String.valueOf(e.getMessage()).strip();
      int open = text.lastIndexOf('(');
      throw new IOException(
          command.getFirst()
              + ": "
              + (open < 0 || !text.endsWith(")")
                  ? text
                  : text.substring(open + 1, text.length() - 1)),
          e);
    }
  }
}
