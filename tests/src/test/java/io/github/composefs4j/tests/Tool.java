package io.github.composefs4j.tests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** Runs programs, ours as a process of its own. */
final class Tool {
  /** What a process left. */
  record Result(int status, byte[] outBytes, String err) {
    String out() {
      return new String(outBytes, StandardCharsets.ISO_8859_1);
    }
  }

  private Tool() {}

  static Result run(String... command) throws IOException, InterruptedException {
    return run(List.of(command));
  }

  static Result run(List<String> command) throws IOException, InterruptedException {
    Path out = Files.createTempFile("out", "");
    Path err = Files.createTempFile("err", "");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      int status = process.waitFor();
      return new Result(
          status, Files.readAllBytes(out), Files.readString(err, StandardCharsets.ISO_8859_1));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }

  /** Runs a command whose output cannot be written. */
  static Result toFullDevice(List<String> command) throws IOException, InterruptedException {
    List<String> shell = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" >/dev/full", "sh"));
    shell.addAll(command);
    return run(shell);
  }

  /** {@return the command, ended by INT also where the tests ignore it: behind a shell's &} */
  static List<String> interruptible(List<String> command) {
    List<String> all = new ArrayList<>(List.of("env", "--default-signal=INT"));
    all.addAll(command);
    return all;
  }

  /** The command line of one of our commands. */
  static List<String> command(String name, String... args) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "-Dcomposefs.command=" + name,
                "io.github.composefs4j.cli.Main"));
    command.addAll(List.of(args));
    return command;
  }

  static Result composefs(String name, String... args) throws IOException, InterruptedException {
    return run(command(name, args));
  }

  /** Mounts an image file. */
  static Result mount(Path objects, Path image, Path target, String... options)
      throws IOException, InterruptedException {
    List<String> args = new ArrayList<>(List.of("mount"));
    args.addAll(List.of(options));
    args.addAll(List.of("--basedir=" + objects, image.toString(), target.toString()));
    return composefs("composefs", args.toArray(String[]::new));
  }

  /**
   * Makes a program that is one of our commands, for programs that look for it.
   *
   * @return the program
   */
  static Path install(Path directory, String name) throws IOException {
    StringBuilder script = new StringBuilder("#!/bin/sh\nexec");
    for (String word : command(name)) {
      script.append(" '").append(word).append('\'');
    }
    Path program = Files.writeString(directory.resolve(name), script + " \"$@\"\n");
    return Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Runs a shell script, its arguments {@code $1} and so on, in a mount namespace of its own. */
  static Result runApart(String script, Object... args) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of("timeout", "600", "unshare", "--mount", "--propagation", "private"));
    command.addAll(List.of("sh", "-c", script, "sh"));
    for (Object arg : args) {
      command.add(arg.toString());
    }
    return run(command);
  }
}
