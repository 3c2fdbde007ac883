package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.Vectors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real directories become images. */
class ScanTest {
  @TempDir Path directory;

  @Test
  void givesTheIdsOfTheSampleTree() throws Exception {
    Requirements.root();
    Path tree = Files.createDirectory(directory.resolve("tree"));
    Path tar = Files.write(directory.resolve("tree.tar"), Vectors.bytes("repositories/tree.tar"));
    Tool.Result unpacked =
        Tool.run(
            "tar",
            "-C",
            tree.toString(),
            "--xattrs",
            "--xattrs-include=*",
            "--acls",
            "--numeric-owner",
            "-xpf",
            tar.toString());
    assertThat(unpacked.err()).isEmpty();
    for (String[] row : Vectors.rows("repositories/tree-ids.tsv")) {
      if (!row[2].equals("--no-propagate-usr-to-root")) {
        continue;
      }
      Tool.Result made =
          Tool.composefs(
              "mkcomposefs",
              "--print-digest-only",
              "--hash=" + row[0],
              "--format-version=" + row[1],
              tree.toString());
      assertThat(made.err()).isEmpty();
      assertThat(made.out()).as("%s format %s", row[0], row[1]).isEqualTo(row[3] + "\n");
    }
  }

  @Test
  void manyProcessesFillOneStoreAndKilledOnesLeaveNothing() throws Exception {
    Path source = Files.createDirectory(directory.resolve("source"));
    for (int i = 0; i < 400; i++) {
      Files.writeString(source.resolve("f" + i), ("content " + i + " ").repeat(20 + 37 * i));
    }
    Path alone = directory.resolve("alone");
    assertThat(fill(alone, source).start().waitFor()).isZero();
    Path shared = directory.resolve("shared");
    Process[] processes = new Process[8];
    for (int i = 0; i < processes.length; i++) {
      processes[i] = fill(shared, source).start();
    }
    Thread.sleep(900);
    for (int i = 0; i < 3; i++) {
      processes[i].destroyForcibly();
    }
    for (int i = 3; i < processes.length; i++) {
      assertThat(processes[i].waitFor()).isZero();
    }
    assertThat(Tool.run("diff", "-r", alone.toString(), shared.toString()).out()).isEmpty();
    try (Stream<Path> files = Files.walk(shared)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = "" + file.getParent().getFileName() + file.getFileName();
        assertThat(
                io.github.composefs4j.core.verity.VerityHasher.digest(
                        io.github.composefs4j.core.verity.HashAlgorithm.SHA256,
                        Files.readAllBytes(file))
                    .hex())
            .isEqualTo(name);
      }
    }
  }

  private static ProcessBuilder fill(Path store, Path source) {
    return new ProcessBuilder(
            Tool.command(
                "mkcomposefs", "--digest-store=" + store, "--print-digest-only", source.toString()))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD);
  }

  @Test
  void changesDuringTheScanAreErrorsOrGiveAnImageThatVerifies() throws Exception {
    Path source = Files.createDirectory(directory.resolve("moving"));
    for (int i = 0; i < 50; i++) {
      Files.writeString(source.resolve("f" + i), "x".repeat(1000 + i));
    }
    Thread writer =
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              try {
                for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
                  Path file = source.resolve("f" + i % 50);
                  Files.writeString(file, "y".repeat(500 + i % 3000));
                  if (i % 7 == 0) {
                    Files.move(
                        file,
                        source.resolve("g" + i % 50),
                        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                  }
                  Thread.sleep(1);
                }
              } catch (Exception e) {
                // the test is over
              }
            });
    int failed = 0;
    for (int i = 0; i < 10; i++) {
      Tool.Result result = Tool.composefs("mkcomposefs", "--print-digest-only", source.toString());
      if (result.status() != 0) {
        assertThat(result.err()).contains(source.toString()).hasLineCount(1);
        failed++;
      }
    }
    writer.interrupt();
    assertThat(failed).isPositive();
  }

  /** Outside of the temporary directory: JUnit's way of removing that is quadratic in the depth. */
  @Test
  void refusesDeepTreesInOneLineAndTakesThoseAtTheLimit() throws Exception {
    Path outer = Files.createTempDirectory("deep");
    try {
      String script = "chdir $ARGV[0]; for (1..2048) { mkdir 'd'; chdir 'd' or die }";
      assertThat(Tool.run("perl", "-e", script, outer.toString()).status()).isZero();
      Tool.Result atLimit = Tool.composefs("mkcomposefs", "--print-digest-only", outer.toString());
      assertThat(atLimit.err()).isEmpty();
      assertThat(atLimit.status()).isZero();
      String deeper = "mkdir \"$0/e\" && mv \"$0/d\" \"$0/e/d\"";
      assertThat(Tool.run("sh", "-c", deeper, outer.toString()).status()).isZero();
      Tool.Result refused = Tool.composefs("mkcomposefs", "--print-digest-only", outer.toString());
      assertThat(refused.status()).isEqualTo(1);
      assertThat(refused.err()).contains("nested deeper than 2048").hasLineCount(1);
    } finally {
      Tool.run("rm", "-rf", outer.toString());
    }
  }
}
