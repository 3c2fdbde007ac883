package io.github.composefs4j.core.testkit;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Programs that tests compare with, and what they need of the machine. */
public final class Tools {
  private Tools() {}

  /**
   * Skips the test with its reason unless {@code met}; where {@code COMPOSEFS_TESTS_REQUIRE=all} is
   * set, fails it.
   */
  public static void require(boolean met, String reason) {
    if (met) {
      return;
    }
    if ("all".equals(System.getenv("COMPOSEFS_TESTS_REQUIRE"))) {
      fail(reason);
    }
    abort(reason);
  }

  /** Skips the test unless this program is installed. */
  public static void require(String program) {
    String path = System.getenv("PATH");
    boolean found = false;
    for (String directory : path == null ? new String[0] : path.split(File.pathSeparator, -1)) {
      found |= Files.isExecutable(Path.of(directory, program));
    }
    require(found, program + " is not installed");
  }

  /** {@return the lines that a program printed; it must succeed} */
  public static List<String> run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    if (process.waitFor() != 0) {
      throw new IOException(command.getFirst() + ": " + output);
    }
    return output.lines().toList();
  }
}
