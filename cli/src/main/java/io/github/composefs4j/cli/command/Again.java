package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This program started again, as another process. */
public final class Again {
  private static final String MAIN = "io.github.composefs4j.cli.Main";

  private Again() {}

  /**
   * {@return the command line of this process}
   *
   * @param property set for the other one, for it to know what it is there for
   */
  public static List<String> command(String property) throws IOException {
    byte[] line = Files.readAllBytes(Path.of("/proc/self/cmdline"));
    List<String> command = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < line.length; i++) {
      if (line[i] == 0) {
        // In the charset of the process, which also gives them to the other one.
        command.add(new String(line, start, i - start, StandardCharsets.UTF_8));
        start = i + 1;
      }
    }
    int main = command.indexOf(MAIN);
    if (main < 0) {
      throw new IOException("this program cannot find out how it was started");
    }
    command.add(main, "-D" + property + "=true");
    command.set(0, Path.of(System.getProperty("java.home"), "bin", "java").toString());
    return command;
  }

  /** Starts a program of util-linux, in whose words errors of what it runs are told. */
  public static Process start(ProcessBuilder builder) throws IOException {
    try {
      return builder.start();
    } catch (IOException e) {
      throw new IOException(
          "cannot run the program " + builder.command().getFirst() + " (package util-linux)", e);
    }
  }

  /** {@return whether this process was started by {@link #command} with this property} */
  public static boolean is(String property) {
    return Boolean.getBoolean(property);
  }
}
