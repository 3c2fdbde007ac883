package io.github.composefs4j.cli;

import java.io.IOException;

/** What {@code composefs} answers itself: version and help. */
final class Umbrella {
  static final String[] COMMANDS = {
    "mkcomposefs", "composefs-info", "composefs-dump", "mount.composefs", "umount", "doctor"
  };

  private Umbrella() {}

  /** {@return the exit status, or -1 if {@code name} is a command of its own} */
  static int run(String name, Console console) throws IOException {
    switch (name) {
      case "--version" -> print(console, "composefs4j 0.1.0-SNAPSHOT\n");
      case "--help", "help" -> {
        print(console, "usage: composefs COMMAND [ARG...]\n\n");
        for (String each : COMMANDS) {
          Command command = Main.command(each);
          if (command == null) {
            throw new IllegalStateException(each);
          }
          print(console, "  " + command.usage() + "\n");
          for (GetOpt.Option option : command.options()) {
            String value = option.argument() == null ? "" : "=" + option.argument();
            String dashes = option.name().length() == 1 ? "-" : "--";
            print(console, "      " + dashes + option.name() + value + "  " + option.help() + "\n");
          }
        }
      }
      default -> {
        return -1;
      }
    }
    console.out().flush();
    return 0;
  }

  private static void print(Console console, String text) throws IOException {
    console.out().write(Arguments.ascii(text));
  }
}
