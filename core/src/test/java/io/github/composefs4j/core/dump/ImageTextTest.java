package io.github.composefs4j.core.dump;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.Vectors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is printed of the golden images is what the C tool prints, to the byte. */
class ImageTextTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "basic-types",
        "dir-multi-block-tail",
        "hardlink",
        "symlink-xattr-block",
        "v2-simple",
        "whiteout",
        "xattr-escape"
      })
  void printsWhatTheReferencePrints(String name) throws IOException {
    try (ErofsImage image = TestImages.open(Vectors.image(name + ".cfs"))) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ImageText.dump(image, null, out);
      assertThat(text(out)).isEqualTo(golden(name + ".cfs.dump.txt"));
      out.reset();
      ImageText.list(image, null, out);
      assertThat(text(out)).isEqualTo(golden(name + ".cfs.ls.txt"));
      TreeSet<byte[]> objects = new TreeSet<>(Arrays::compareUnsigned);
      ImageText.collectObjects(image, null, objects);
      StringBuilder lines = new StringBuilder();
      objects.forEach(
          object -> lines.append(new String(object, StandardCharsets.ISO_8859_1)).append('\n'));
      assertThat(lines.toString()).isEqualTo(golden(name + ".cfs.objects.txt"));
    }
  }

  @Test
  void filtersTakeEntriesOfTheRootWithAllBelow() throws IOException {
    try (ErofsImage image = TestImages.open(Vectors.image("hardlink.cfs"))) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ImageText.list(image, ImageWalk.names(List.of(new byte[] {'d'}, new byte[] {'n', 'o'})), out);
      assertThat(text(out).lines()).allMatch(line -> line.startsWith("/d")).hasSizeGreaterThan(1);
    }
  }

  private static String golden(String name) {
    return new String(Vectors.image(name), StandardCharsets.ISO_8859_1);
  }

  private static String text(ByteArrayOutputStream out) {
    return out.toString(StandardCharsets.ISO_8859_1);
  }
}
