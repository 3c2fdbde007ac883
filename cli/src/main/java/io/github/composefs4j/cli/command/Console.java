package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a command reads and writes.
 *
 * @param out standard output, bytes; flushed when the command returns
 * @param err standard error, for people
 */
public record Console(InputStream in, OutputStream out, PrintStream err) {
  /** Prints text to standard output; what was no text in a name is written as it was. */
  public void print(String text) throws IOException {
    out.write(Arguments.bytes(text));
  }

  /** Prints a line to standard output. */
  public void println(String text) throws IOException {
    print(text + "\n");
  }

  /** {@return whether standard output is a terminal, which takes no image} */
  public boolean outIsTerminal() {
    return isTerminal(1);
  }

  /** {@return whether somebody watches standard error, so that progress is shown} */
  public boolean errIsTerminal() {
    return isTerminal(2);
  }

  private static boolean isTerminal(int fd) {
    try {
      String device = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
      return device.startsWith("/dev/pts/")
          || device.startsWith("/dev/tty")
          || device.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }
}
