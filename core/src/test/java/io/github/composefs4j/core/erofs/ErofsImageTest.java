package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.Vectors;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErofsImageTest {
  static Stream<Arguments> mutations() {
    return Vectors.rows("images/mutations.tsv").stream()
        .map(row -> Arguments.of(row[5], row[0], Integer.parseInt(row[1]), row[2], row[3]));
  }

  @ParameterizedTest(name = "{0} ({1})")
  @MethodSource("mutations")
  void refusesEveryMutation(String what, String base, int offset, String old, String changed) {
    byte[] bytes = Vectors.image(base);
    HexFormat hex = HexFormat.of();
    assertThat(hex.formatHex(bytes, offset, offset + old.length() / 2)).isEqualTo(old);
    byte[] patch = hex.parseHex(changed);
    System.arraycopy(patch, 0, bytes, offset, patch.length);
    assertThatThrownBy(() -> check(bytes))
        .as("check")
        .isInstanceOfAny(CorruptImageException.class, UnsupportedFormatException.class)
        .hasMessageStartingWith("test.cfs: ")
        .hasMessageNotContaining("\n");
    assertThatThrownBy(() -> readAll(bytes))
        .as("lazy reading")
        .isInstanceOfAny(CorruptImageException.class, UnsupportedFormatException.class);
  }

  /** But for images where a link sorts before its inode's own name (erofs-image.md Q14). */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "basic-types",
        "dir-multi-block-tail",
        "symlink-xattr-block",
        "v2-simple",
        "whiteout",
        "xattr-escape"
      })
  void readsAndWritesAgainTheSameBytes(String name) throws IOException {
    byte[] bytes = Vectors.image(name + ".cfs");
    try (ErofsImage image = TestImages.open(bytes)) {
      image.check();
      assertThat(TestImages.write(image.toTree(), ImageOptions.of(image.version())))
          .satisfies(again -> assertThat(Arrays.mismatch(again, bytes)).isEqualTo(-1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"basic-types.cfs", "whiteout.cfs", "v2-simple.cfs"})
  void survivesEveryBitFlip(String name) throws IOException {
    byte[] bytes = Vectors.image(name);
    int end = Math.min(bytes.length, 13000);
    for (int bit = 0; bit < 8 * end; bit++) {
      bytes[bit / 8] ^= (byte) (1 << bit % 8);
      tolerate(bytes);
      bytes[bit / 8] ^= (byte) (1 << bit % 8);
    }
    check(bytes);
  }

  @Test
  void survivesRandomDamage() {
    Random random = new Random(4711);
    for (String name :
        new String[] {"dir-multi-block-tail.cfs", "xattr-escape.cfs", "whiteout.cfs"}) {
      byte[] good = Vectors.image(name);
      for (int round = 0; round < 1500; round++) {
        byte[] bytes = good.clone();
        for (int i = random.nextInt(6); i >= 0; i--) {
          bytes[1024 + random.nextInt(bytes.length - 1024)] = (byte) random.nextInt(256);
        }
        tolerate(bytes);
      }
    }
  }

  @Test
  void refusesEveryTruncation() {
    byte[] bytes = Vectors.image("hardlink.cfs");
    for (int length = 0; length < bytes.length; length += length < 1300 ? 1 : 97) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> check(cut)).isInstanceOf(ComposefsException.class);
    }
  }

  @Test
  void isReadByManyThreads() throws Exception {
    byte[] bytes = Vectors.image("dir-multi-block-tail.cfs");
    try (ErofsImage image = TestImages.open(bytes)) {
      String expected = TestImages.dump(image.toTree());
      IntStream.range(0, 64)
          .parallel()
          .forEach(_ -> {
            try {
              assertThat(TestImages.dump(image.toTree())).isEqualTo(expected);
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
    }
  }

  @Test
  void findsInodesByName() throws IOException {
    try (ErofsImage image = TestImages.open(Vectors.image("basic-types.cfs"))) {
      assertThat(image.root().lookup("nothing".getBytes())).isNull();
      ImageWalk walk = new ImageWalk(image);
      while (walk.next()) {
        if (walk.isRoot()) {
          continue;
        }
        ImageInode found = image.root();
        String path = new String(walk.pathArray(), 1, walk.pathLength() - 1);
        for (String name : path.split("/")) {
          found = found.lookup(name.getBytes());
        }
        assertThat(found.nid()).isEqualTo(walk.inode().nid());
      }
    }
  }

  private static void tolerate(byte[] bytes) {
    try {
      readAll(bytes);
      check(bytes);
    } catch (ComposefsException e) {
      assertThat(e).hasMessageStartingWith("test.cfs: ");
    } catch (IOException e) {
      throw new AssertionError("an untyped error", e);
    }
  }

  private static void check(byte[] bytes) throws IOException {
    try (ErofsImage image = TestImages.open(bytes)) {
      image.check();
    }
  }

  /** What a program does that never calls check(). */
  private static void readAll(byte[] bytes) throws IOException {
    try (ErofsImage image = TestImages.open(bytes)) {
      image.toTree();
    }
  }
}
