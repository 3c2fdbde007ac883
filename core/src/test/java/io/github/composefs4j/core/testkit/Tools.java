package io.github.composefs4j.core.testkit;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/**
 * Programs that some tests compare with; a test that lacks one is skipped ({@link NothingSkipped}).
 */
public final class Tools {
  private Tools() {}

  /** Skips the test unless this program is installed. */
  public static void require(String program) {
    for (String directory : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(directory, program))) {
        return;
      }
    }
    abort("needs the program " + program);
  }

  /** Skips the test unless {@code met}. */
  public static void require(boolean met, String what) {
    Assumptions.assumeTrue(met, "needs " + what);
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
