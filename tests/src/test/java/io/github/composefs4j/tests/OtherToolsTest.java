package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs of others accept what we write, and get the same digests. */
class OtherToolsTest {
  /** Random trees; more by hand. */
  private static final int TREES = Integer.getInteger("test.fsck.trees", 40);

  /** It crashes on deeper ones, which the random ones are seldom. */
  private static final int DEPTH_OF_FSCK = 500;

  @TempDir Path directory;

  private static long depth(FileTree tree) {
    return TestImages.dump(tree)
        .lines()
        .mapToLong(
            line -> line.substring(0, line.indexOf(' ')).chars().filter(c -> c == '/').count())
        .max()
        .orElse(0);
  }

  private void assertAccepted(FileTree tree, FormatVersion version, String what) throws Exception {
    byte[] bytes = TestImages.write(tree, ImageOptions.of(version));
    // Release 1.5 reads the block behind a chunk map that ends the image; 1.8 does not.
    byte[] padded = Arrays.copyOf(bytes, bytes.length + 4096);
    Path image = Files.write(directory.resolve("image"), padded);
    Tool.Result checked = Tool.run("fsck.erofs", image.toString());
    assertThat(checked.status())
        .as("%s as %s: %s%s", what, version, checked.out(), checked.err())
        .isZero();
  }

  @Test
  void fsckAcceptsEveryGoldenImage() throws Exception {
    Requirements.program("fsck.erofs");
    TreeSet<String> names = new TreeSet<>();
    for (String[] row : Vectors.rows("images/digests.tsv")) {
      // It crashes on deep trees: its own bug.
      if (row[5].equals("ok") && !row[0].startsWith("deep")) {
        names.add(row[0]);
      }
    }
    assertThat(names).hasSizeGreaterThan(50);
    for (String name : names) {
      FileTree tree = TestImages.parse(Vectors.image(name));
      for (FormatVersion version : FormatVersion.values()) {
        try {
          TestImages.write(tree, ImageOptions.of(version));
        } catch (ComposefsException e) {
          continue; // too large a file for this version, say
        }
        assertAccepted(tree, version, name);
      }
    }
  }

  @Test
  void fsckAcceptsRandomTreesAndFsverityAgrees() throws Exception {
    Requirements.program("fsck.erofs");
    Requirements.program("fsverity");
    int[] accepted = new int[1];
    Seeds.forEach(
        TREES,
        random -> {
          FormatVersion version = FormatVersion.values()[random.nextInt(3)];
          FileTree tree =
              version == FormatVersion.V2
                  ? RandomTrees.version2(random)
                  : RandomTrees.unusual(random);
          if (depth(tree) > DEPTH_OF_FSCK) {
            return;
          }
          assertAccepted(tree, version, "random tree");
          accepted[0]++;
          Path image = directory.resolve("image");
          Tool.Result digest = Tool.run("fsverity", "digest", "--compact", image.toString());
          assertThat(digest.out().strip())
              .isEqualTo(
                  VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(image)).hex());
        });
    System.out.println(accepted[0] + " random trees accepted by fsck.erofs");
    assertThat(accepted[0]).isGreaterThan(TREES / 2);
  }
}
