package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images held to their digest, as a private copy and block by block. */
class VerifiedImageTest {
  @TempDir Path directory;
  private byte[] good;
  private Digest digest;
  private Path file;

  @BeforeEach
  void write() throws IOException {
    Seeds.forEach(
        1,
        random -> {
          good = TestImages.write(RandomTrees.usual(random), ImageOptions.DEFAULT);
        });
    digest = VerityHasher.digest(HashAlgorithm.SHA256, good);
    file = Files.write(directory.resolve("image.cfs"), good);
  }

  private ErofsImage open(long copiedMax) throws IOException {
    ObjectReader reader = ObjectReader.of(Platform.portable().openFile(file));
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    return ErofsImage.open(
        ImageBytes.verified(verifier, reader, digest, "image", copiedMax), ImageProfile.COMPOSEFS);
  }

  private static String text(FileTree tree) {
    return TestImages.dump(tree);
  }

  @Test
  void bothWaysReadTheSameTree() throws IOException {
    try (ErofsImage copy = open(Long.MAX_VALUE);
        ErofsImage blocks = open(0);
        ErofsImage plain = ErofsImage.open(file)) {
      assertThat(text(copy.toTree())).isEqualTo(text(plain.toTree()));
      assertThat(text(blocks.toTree())).isEqualTo(text(plain.toTree()));
    }
  }

  @Test
  void anyFlippedBitIsRefused() {
    Seeds.forEach(
        200,
        random -> {
          byte[] bad = good.clone();
          bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
          Files.write(file, bad);
          assertThatThrownBy(() -> open(Long.MAX_VALUE).close())
              .isInstanceOf(DigestMismatchException.class);
          assertThatThrownBy(() -> open(0).close()).isInstanceOf(DigestMismatchException.class);
        });
  }

  @Test
  void whatChangesWhileOpenIsNeverSeen() {
    String expected = expected();
    Seeds.forEach(
        30,
        random -> {
          Files.write(file, good);
          try (ErofsImage copy = open(Long.MAX_VALUE);
              ErofsImage blocks = open(0)) {
            byte[] bad = good.clone();
            for (int i = 0; i < bad.length; i += 4096) {
              bad[i + random.nextInt(4096)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(file, bad);
            assertThat(text(copy.toTree())).isEqualTo(expected);
            try {
              assertThat(text(blocks.toTree())).isEqualTo(expected);
            } catch (DigestMismatchException e) {
              assertThat(e.subject()).isEqualTo("image");
            }
          }
        });
  }

  private String expected() {
    try (ErofsImage plain = ErofsImage.open(file)) {
      return text(plain.toTree());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anotherSizeIsRefused() throws IOException {
    Files.write(file, java.util.Arrays.copyOf(good, good.length - 4096));
    assertThatThrownBy(() -> open(Long.MAX_VALUE).close())
        .isInstanceOf(DigestMismatchException.class);
    Files.write(file, java.util.Arrays.copyOf(good, good.length + 4096));
    assertThatThrownBy(() -> open(Long.MAX_VALUE).close())
        .isInstanceOf(DigestMismatchException.class);
    assertThatThrownBy(() -> open(0).close()).isInstanceOf(DigestMismatchException.class);
  }
}
