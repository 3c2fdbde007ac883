package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeAssert;
import io.github.composefs4j.core.tree.FileTree;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Random trees come back from their images as they were, and give the same bytes again. */
class ImageRoundTripTest {
  private static final int TREES = Integer.getInteger("test.trees", 10_000);

  @Test
  void treesComeBackFromImages() {
    Seeds.forEach(
        TREES,
        random -> {
          FormatVersion version = FormatVersion.values()[random.nextInt(3)];
          FileTree tree =
              version == FormatVersion.V2
                  ? RandomTrees.version2(random)
                  : random.nextBoolean() ? RandomTrees.usual(random) : RandomTrees.unusual(random);
          byte[] image = TestImages.write(tree, ImageOptions.of(version));
          FileTree again = read(image, version);
          TreeAssert.assertSame(tree, again);
          // Where a link sorted before its inode's own entry the order of inodes changes once
          // (Q14).
          byte[] second = TestImages.write(again, ImageOptions.of(version));
          byte[] third = TestImages.write(read(second, version), ImageOptions.of(version));
          assertThat(Arrays.mismatch(third, second)).as("written twice").isEqualTo(-1);
          if (tree.inodes() == tree.entries() + 1) {
            assertThat(Arrays.mismatch(second, image)).as("written again").isEqualTo(-1);
          }
        });
  }

  private static FileTree read(byte[] bytes, FormatVersion version) throws IOException {
    try (ErofsImage image = TestImages.open(bytes)) {
      assertThat(image.version()).isEqualTo(version);
      image.check();
      return image.toTree();
    }
  }
}
