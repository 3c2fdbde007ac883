package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Interruption;
import io.github.composefs4j.cli.command.Launched;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Entry point of every command. The name of the program is the property {@code composefs.command};
 * under the name {@code composefs} the first argument may be that of another program.
 *
 * <p>Exit statuses: 0 success, 1 any error, 2 a wrong command line of our own commands, 70 a bug,
 * 128 and its number for a signal.
 */
public final class Main {
  private Main() {}

  /** Runs the command that name and arguments tell. */
  public static void main(String[] args) {
    PrintStream err =
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    Console console =
        new Console(
            new FileInputStream(FileDescriptor.in),
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
            err);
    String name = System.getProperty("composefs.command", "composefs");
    int status = run(name, Arguments.exact(args), console);
    err.flush();
    Interruption.awaitEnd();
    Launched.tell(status);
    // halt, not exit: the work is over and nothing is left to clean, and exit would load a logger.
    Runtime.getRuntime().halt(status);
  }

  /** {@return the exit status of a program} */
  static int run(String program, List<String> args, Console console) {
    Runner runner = new Runner(console);
    boolean works = args.size() > 1 || (args.size() == 1 && !args.getFirst().startsWith("-"));
    if (works && !program.equals("composefs-info") && !args.contains("--help")) {
      Host.prepare();
    }
    Command dropIn = Commands.dropIn(program);
    if (dropIn != null) {
      return runner.run(program, dropIn, args);
    }
    if (!args.isEmpty() && (dropIn = Commands.dropIn(args.getFirst())) != null) {
      return runner.run(args.getFirst(), dropIn, args.subList(1, args.size()));
    }
    if (args.equals(List.of("--version")) || args.equals(List.of("-V"))) {
      return runner.guarded(
          program,
          () -> {
            console.println("composefs4j " + version());
            return 0;
          },
          1);
    }
    return runner.run(program.equals("cfsctl") ? Commands.cfsctl() : Commands.umbrella(), args);
  }

  /** {@return the version that was built, as the jar's manifest tells} */
  public static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "unpackaged" : version;
  }
}
