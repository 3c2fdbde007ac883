package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.core.testkit.Vectors;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs commands inside this process, and programs of the machine. */
final class Commanding {
  /** What a run left. */
  record Result(int status, String out, String err) {}

  private Commanding() {}

  static Result run(String program, String... args) {
    return run(new byte[0], program, args);
  }

  static Result run(byte[] input, String program, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(input),
            out,
            new PrintStream(err, true, StandardCharsets.UTF_8));
    int status = Main.run(program, List.of(args), console);
    return new Result(
        status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** A directory with one of the sample repositories in it. */
  static Path sample(String name, Path directory) throws IOException, InterruptedException {
    Path archive = directory.resolve(name + ".tar.xz");
    byte[] bytes = Vectors.bytes("repositories/" + name + "/repository.tar.xz");
    Files.write(archive, bytes);
    program("tar", "-xf", archive.toString(), "-C", directory.toString());
    return directory.resolve("repo-" + name);
  }

  static void program(String... command) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of(command));
    Process process = new ProcessBuilder(all).inheritIO().start();
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", all) + ": status " + process.exitValue());
    }
  }
}
