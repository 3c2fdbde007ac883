package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.Vectors;
import java.nio.file.Files;
import java.nio.file.Path;
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
