package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Programs that some tests compare with, and what to do where they are missing. */
public final class Tools {
  private Tools() {}

  /**
   * Skips the test, or fails it if the environment says {@code COMPOSEFS_TESTS_REQUIRE=all}.
   *
   * @param reason what is missing
   */
  public static void missing(String reason) {
    if ("all".equals(System.getenv("COMPOSEFS_TESTS_REQUIRE"))) {
      fail(reason);
    }
    abort(reason);
  }

  /** Skips the test unless this program is installed. */
  public static void require(String program) {
    for (String directory : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(directory, program))) {
        return;
      }
    }
    missing(program + " is not installed");
  }

  /**
   * {@return true if the program succeeded, false if it does not know one of the options}
   *
   * @throws AssertionError if it failed in any other way
   */
  public static boolean knowsOptions(List<String> command)
      throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = process.waitFor();
    if (status != 0 && !said.contains("option")) {
      fail(String.join(" ", command) + " ended with " + status + ": " + said);
    }
    return status == 0;
  }

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
