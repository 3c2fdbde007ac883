package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.command.Failures;
import io.github.composefs4j.cli.command.GetOpt;
import io.github.composefs4j.cli.command.Group;
import io.github.composefs4j.cli.command.HelpRequest;
import io.github.composefs4j.cli.command.Interruption;
import io.github.composefs4j.cli.command.Leaf;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.cli.manual.HelpText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** Finds a command below a group, runs it, and turns what went wrong into a line and a status. */
final class Runner {
  private static final int FAILED = 1;
  private static final int WRONG_USAGE = 2;
  private static final int BUG = 70;

  private final Console console;

  /** Whether standard output could not be written: tried again it would fail again. */
  private boolean outputLost;

  Runner(Console console) {
    this.console = console;
  }

  /** Work that may fail. */
  interface Work {
    int run() throws IOException, UsageException;
  }

  /** Runs a command. */
  int run(String name, Command command, List<String> args) {
    Definition definition = command.definition();
    return guarded(
        name,
        () -> {
          try {
            boolean posix = System.getenv("POSIXLY_CORRECT") != null;
            return command.run(GetOpt.parse(definition, args, posix), console);
          } catch (HelpRequest request) {
            String text = HelpText.of(definition, name);
            if (request.onOutput()) {
              console.print(text);
            } else {
              console.err().print(text);
            }
            return request.status();
          }
        },
        definition.usageStatus());
  }

  /**
   * Runs the command of a group that the arguments name. Options that all commands of the group
   * have in common may stand before its name, and are read by the command itself.
   */
  int run(Group group, List<String> args) {
    return guarded(group.name(), () -> dispatch(group, args), WRONG_USAGE);
  }

  private int dispatch(Group group, List<String> args) throws IOException, UsageException {
    int at = 0;
    if (!args.isEmpty() && (args.getFirst().equals("--help") || args.getFirst().equals("-h"))) {
      return help(group);
    }
    if (group.common() != null) {
      at = GetOpt.firstOperand(group.common().get(), args);
    } else if (!args.isEmpty() && args.getFirst().startsWith("-")) {
      throw new UsageException("unknown option '" + args.getFirst() + "'");
    }
    if (at == args.size()) {
      throw new UsageException("no command; see " + group.name() + " --help");
    }
    String word = args.get(at);
    List<String> rest = args.subList(at + 1, args.size());
    if (word.equals("help")) {
      return help(group, rest);
    }
    List<String> all = new ArrayList<>(args.subList(0, at));
    all.addAll(rest);
    Entry entry = find(group, word);
    if (entry instanceof Leaf leaf) { // a switch over types would take 10 ms at its first use
      Command command = leaf.command();
      return run(command.definition().programName(group.name()), command, all);
    }
    return run(((Group) entry).under(group.name()), all);
  }

  private static Entry find(Group group, String word) throws UsageException {
    Entry found = group.find(word);
    if (found == null) {
      String nearest = group.nearest(word);
      throw new UsageException(
          "unknown command '"
              + word
              + "'; "
              + (nearest == null
                  ? "see " + group.name() + " --help"
                  : "did you mean '" + nearest + "'?"));
    }
    return found;
  }

  private int help(Group group) throws IOException {
    console.print(HelpText.of(group));
    return 0;
  }

  /** {@code help}, {@code help COMMAND}, {@code help GROUP COMMAND}. */
  private int help(Group group, List<String> words) throws IOException, UsageException {
    if (words.isEmpty()) {
      return help(group);
    }
    String word = words.getFirst();
    return switch (find(group, word)) {
      case Group below -> help(below.under(group.name()), words.subList(1, words.size()));
      case Leaf leaf -> {
        Definition definition = leaf.command().definition();
        console.print(HelpText.of(definition, definition.programName(group.name())));
        yield 0;
      }
    };
  }

  /** {@return the status of some work, with a line about what went wrong} */
  int guarded(String name, Work work, int usageStatus) {
    try {
      int status = work.run();
      flush();
      return status;
    } catch (UsageException e) {
      complain(name, String.valueOf(e.getMessage()));
      return usageStatus;
    } catch (IOException | UncheckedIOException | OutOfMemoryError e) {
      Interruption.awaitEnd();
      flushAfterFailure();
      if (!Failures.isClosedPipe(e)) {
        complain(name, Failures.line(e));
        debug(e);
      }
      return FAILED;
    } catch (RuntimeException | Error e) {
      Interruption.awaitEnd();
      complain(name, "internal error, please report it: " + Failures.line(e));
      debug(e);
      return BUG;
    }
  }

  private void flush() throws IOException {
    if (!outputLost) {
      outputLost = true;
      console.out().flush();
      outputLost = false;
    }
  }

  /** What was printed before it is told, too. */
  private void flushAfterFailure() {
    try {
      flush();
    } catch (IOException e) {
      // the failure itself, or the smaller one
    }
  }

  private void complain(String name, String message) {
    console.err().println(name + ": " + Failures.oneLine(message));
  }

  private void debug(Throwable e) {
    if (System.getenv("COMPOSEFS_DEBUG") != null) {
      e.printStackTrace(console.err());
    }
  }
}
