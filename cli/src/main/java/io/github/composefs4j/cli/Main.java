package io.github.composefs4j.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Entry point of every command. The name of the program is the property {@code composefs.command};
 * under the name {@code composefs} the first argument names the command.
 *
 * <p>Exit statuses: 0 success, 1 any error, 70 a bug.
 */
public final class Main {
  private static final int BUG = 70;

  private Main() {}

  /** Runs the command that name and arguments tell. */
  public static void main(String[] args) {
    PrintStream err =
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    Console console =
        new Console(
            new FileInputStream(FileDescriptor.in),
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
            err,
            Main::outIsTerminal);
    String name = System.getProperty("composefs.command", "composefs");
    Runtime.getRuntime().halt(exit(name, args, console));
  }

  private static boolean outIsTerminal() {
    try {
      String device = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
      return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }

  private static int exit(String name, String[] args, Console console) {
    // halt would skip the shutdown hooks of an interrupted run; here the work is over and nothing
    // is left to clean.
    int status = run(name, Arguments.exact(args), console);
    console.err().flush();
    return status;
  }

  /** {@return the exit status of a command} */
  static int run(String program, List<String> args, Console console) {
    String name = program;
    List<String> rest = args;
    if (program.equals("composefs")) {
      if (args.isEmpty()) {
        console.err().println("composefs: no command; see composefs --help");
        return 1;
      }
      name = args.getFirst();
      rest = args.subList(1, args.size());
    }
    try {
      int own = program.equals("composefs") ? Umbrella.run(name, console) : -1;
      if (own >= 0) {
        return own;
      }
      Command command = command(name);
      if (command == null) {
        console.err().println("composefs: unknown command '" + name + "'; see composefs --help");
        return 1;
      }
      return command.run(rest, console);
    } catch (UsageException e) {
      console.err().println(name + ": " + e.getMessage());
      return 1;
    } catch (IOException | UncheckedIOException | OutOfMemoryError e) {
      if (!Failures.isClosedPipe(e)) {
        console.err().println(name + ": " + Failures.line(e));
        debug(e, console);
      }
      return 1;
    } catch (RuntimeException | Error e) {
      console.err().println(name + ": internal error, please report it: " + e);
      debug(e, console);
      return BUG;
    }
  }

  private static void debug(Throwable e, Console console) {
    if (System.getenv("COMPOSEFS_DEBUG") != null) {
      e.printStackTrace(console.err());
    }
  }

  static @Nullable Command command(String name) {
    return switch (name) {
      case "mkcomposefs" -> new Mkcomposefs();
      case "composefs-info" -> new ComposefsInfo();
      case "composefs-dump" -> new ComposefsDump();
      case "mount.composefs" -> new MountComposefs();
      case "umount" -> new Umount();
      case "doctor" -> new Doctor();
      default -> null;
    };
  }
}
