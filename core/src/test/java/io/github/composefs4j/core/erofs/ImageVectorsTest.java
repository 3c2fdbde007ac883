package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every dump of the golden set gives the image that the reference tools give, or is refused as they
 * refuse it.
 */
class ImageVectorsTest {
  static Stream<Arguments> accepted() {
    return Vectors.rows("images/digests.tsv").stream()
        .filter(row -> row[5].equals("ok"))
        .map(row -> Arguments.of(row[0], row[1], row[2], row[3], Long.parseLong(row[4])));
  }

  static Stream<Arguments> rejected() {
    return Vectors.rows("images/digests.tsv").stream()
        .filter(row -> row[5].equals("reject"))
        .map(row -> Arguments.of(row[0], row[1], row[2]));
  }

  static Stream<Arguments> version2() {
    return Vectors.rows("images/v2-digests.tsv").stream()
        .map(row -> Arguments.of(row[0], row[1], Long.parseLong(row[2])));
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("accepted")
  void givesTheImageOfTheReference(String dump, String min, String max, String digest, long size)
      throws IOException {
    ByteArrayOutputStream image = new ByteArrayOutputStream();
    ImageSummary summary = write(dump, options(min, max), image);
    assertThat(summary.digest()).hasToString(digest);
    assertThat(image.size()).isEqualTo(size);
    assertThat(summary.size()).isEqualTo(size);
    assertThat(VerityHasher.digest(HashAlgorithm.SHA256, image.toByteArray()))
        .isEqualTo(summary.digest());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rejected")
  void refusesWhatTheReferenceRefuses(String dump, String min, String max) {
    ByteArrayOutputStream image = new ByteArrayOutputStream();
    assertThatThrownBy(() -> write(dump, options(min, max), image))
        .isInstanceOfAny(ComposefsException.class, IllegalArgumentException.class);
    assertThat(image.size()).isZero();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("version2")
  void givesTheVersion2ImageOfTheReference(String dump, String digest, long size)
      throws IOException {
    ByteArrayOutputStream image = new ByteArrayOutputStream();
    ImageSummary summary = write(dump, ImageOptions.of(FormatVersion.V2), image);
    assertThat(image.size()).isEqualTo(size);
    assertThat(summary.digest()).hasToString(digest);
  }

  private static ImageSummary write(String dump, ImageOptions options, ByteArrayOutputStream image)
      throws IOException {
    var tree = DumpReader.read(Vectors.channel(Vectors.image(dump)), dump, DumpOptions.DEFAULT);
    return ImageWriter.write(tree, options, Channels.newChannel(image));
  }

  private static ImageOptions options(String min, String max) {
    if (min.equals("-") && max.equals("-")) {
      return ImageOptions.DEFAULT;
    }
    return ImageOptions.DEFAULT.withVersions(version(min), version(max));
  }

  /** A version option of the C tools, which know 0 and 1 only. */
  private static FormatVersion version(String text) {
    return switch (text) {
      case "-", "0" -> FormatVersion.V0;
      case "1" -> FormatVersion.V1;
      default -> throw new IllegalArgumentException("version " + text);
    };
  }
}
