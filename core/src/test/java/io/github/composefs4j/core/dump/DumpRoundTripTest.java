package io.github.composefs4j.core.dump;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DumpFormatException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeAssert;
import io.github.composefs4j.core.tree.FileTree;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Random trees come back from their dumps; damaged dumps give a tree or an error that says why. */
class DumpRoundTripTest {
  @Test
  void treesComeBackFromDumps() {
    Seeds.forEach(
        3_000,
        random -> {
          FileTree tree =
              random.nextBoolean() ? RandomTrees.usual(random) : RandomTrees.dumpable(random);
          String dump = TestImages.dump(tree);
          FileTree again = TestImages.parse(dump);
          TreeAssert.assertSame(tree, again);
          assertThat(TestImages.dump(again)).isEqualTo(dump);
        });
  }

  @Test
  void damagedDumpsGiveATreeOrAReason() {
    String interesting = "\n \\/@.-=x0\u0000\u00ff";
    Seeds.forEach(
        3_000,
        random -> {
          byte[] dump =
              TestImages.dump(RandomTrees.usual(random)).getBytes(StandardCharsets.ISO_8859_1);
          for (int round = 0; round < 10; round++) {
            byte[] damaged = dump.clone();
            for (int i = random.nextInt(3); i >= 0; i--) {
              damaged[random.nextInt(damaged.length)] =
                  (byte) interesting.charAt(random.nextInt(interesting.length()));
            }
            try {
              FileTree tree = TestImages.parse(damaged);
              TreeAssert.assertSame(tree, TestImages.parse(TestImages.dump(tree)));
            } catch (DumpFormatException | InvalidTreeException e) {
              assertThat(e).isInstanceOf(ComposefsException.class);
              assertThat(e.getMessage()).startsWith("test.dump: ").doesNotContain("\n");
            }
          }
        });
  }

  @Test
  void junkIsRefused() {
    Seeds.forEach(
        500,
        random -> {
          byte[] junk = new byte[1 + random.nextInt(2000)];
          random.nextBytes(junk);
          assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> TestImages.parse(junk)))
              .isInstanceOf(DumpFormatException.class);
        });
  }
}
