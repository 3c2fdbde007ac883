package io.github.composefs4j.core.dump;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.composefs4j.core.errors.DumpFormatException;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeAssert;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class DumpReaderTest {
  private static final String ROOT = "/ 0 40755 2 0 0 0 0.0 - - -\n";

  @Test
  void readsEveryKindAndLinks() throws IOException {
    Digest digest = Digest.parse("ab".repeat(32));
    FileTree tree =
        TestImages.parse(
            ROOT
                + "/link 0 @100644 - - - - - /d/late - -\n"
                + "/d 0 40755 2 0 0 0 0.0 - - -\n"
                + "/d/late 2 100644 1 0 0 0 0.0 - hi -\n"
                + "/o 9 100644 1 0 0 0 0.0 ab/"
                + "ab".repeat(31)
                + " - "
                + digest
                + "\n"
                + "/s 4 120777 1 0 0 0 0.0 d\\x2f\\x2e\\x2e - -\n");
    TreeAssert.assertSame(
        new TreeBuilder()
            .dir("/d")
            .file("/d/late", "hi")
            .link("/link", "/d/late")
            .object("/o", 9, digest)
            .symlink("/s", "d/..")
            .tree(),
        tree);
  }

  static Stream<String> bad() {
    return Vectors.rows("images/digests.tsv").stream()
        .filter(row -> row[5].equals("reject") && row[1].equals("-"))
        .map(row -> row[0])
        .filter(name -> !name.equals("bad-version-limits.dump"))
        .distinct();
  }

  @ParameterizedTest
  @MethodSource("bad")
  void namesLineAndReason(String name) {
    assertThat(
            catchThrowableOfType(
                DumpFormatException.class, () -> TestImages.parse(Vectors.image(name))))
        .satisfies(e -> {
          assertThat(e.reason()).isNotBlank();
          assertThat(e.line()).isEqualTo(name.equals("bad-empty-file.dump") ? 0 : e.line());
          assertThat(e.line() > 0 || e.reason().contains("no line")).isTrue();
        });
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "/f -1 100644 1 0 0 0 0.0 - - - | 2",
        "/f +1 100644 1 0 0 0 0.0 - - - | 2",
        "/f 18446744073709551616 100644 1 0 0 0 0.0 - - - | 2",
        "/f 18446744073709551615 100644 1 0 0 0 0.0 x - - | 2",
        "/f 0 1000100644 1 0 0 0 0.0 - - - | 3",
        "/f 0 100644 4294967296 0 0 0 0.0 - - - | 4",
        "/f 0 100644 1 7 x 0 0.0 - - - | 6",
        "/f 0 100644 1 7 0 4294967296 0.0 - - - | 7",
        "/f 0 100644 1 0 0 0 --5.0 - - - | 8",
        "/f 5 100644 1 0 0 0 0.0 a\\x00b - - | 9",
        "/f 5 100644 1 0 0 0 0.0 - - abcd | 11",
        "/f\\x00 0 100644 1 0 0 0 0.0 - - - | 1",
        "/f 0 100644 1 0 0 0 0.0 - - - user.a\\x00=b | 12",
        "/f 0 100644 1 0 0 0 0.0 - - - a=b  c=d | 13",
        "/f 0 @100644 1 0 0 0 0.0 / - - | 9"
      })
  void namesTheColumn(String line, int column) {
    assertThat(catchThrowableOfType(DumpFormatException.class, () -> TestImages.parse(ROOT + line)))
        .satisfies(e -> assertThat(e.line()).isEqualTo(2))
        .satisfies(e -> assertThat(e.column()).as(e.getMessage()).isEqualTo(column));
  }

  @Test
  void takesNegativeTimesAndLooseSlashes() throws IOException {
    FileTree tree =
        TestImages.parse(
            ROOT
                + "d 0 40755 2 0 0 0 -5.0 - - -\n"
                + "//d//f 0 100644 1 0 0 0 -9223372036854775808.9 - - -\n");
    assertThat(tree.find("/d").mtimeSeconds()).isEqualTo(-5);
    assertThat(tree.find("/d/f").mtimeSeconds()).isEqualTo(Long.MIN_VALUE);
  }

  @Test
  void takesSha512WhenAsked() throws IOException {
    Digest digest = Digest.parse("cd".repeat(64));
    String dump = ROOT + "/o 9 100644 1 0 0 0 0.0 - - " + digest + "\n";
    FileTree tree =
        DumpReader.read(
            Vectors.channel(dump.getBytes(StandardCharsets.US_ASCII)),
            "test.dump",
            new DumpOptions(false, HashAlgorithm.SHA512));
    assertThat(tree.inodes()).isEqualTo(2);
    assertThatThrownBy(() -> TestImages.parse(dump)).hasMessageContaining("64 hex digits");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/f 0 100644 1 0 0 0 0.0 - - -",
        "/f 0 100644 1 0 0 5 0.0 - - -\n",
        "/s 5 120777 1 0 0 0 0.0 ab - -\n",
        "/s 2 120777 1 0 0 0 0.0 ab cd -\n"
      })
  void strictModeRefusesMore(String line) throws IOException {
    byte[] dump = (ROOT + line).getBytes(StandardCharsets.US_ASCII);
    assertThat(TestImages.parse(dump).inodes()).isEqualTo(2);
    assertThatThrownBy(() ->
            DumpReader.read(
                Vectors.channel(dump), "test.dump", new DumpOptions(true, HashAlgorithm.SHA256)))
        .isInstanceOf(DumpFormatException.class);
  }

  @Test
  void refusesDeepNestingInOneLine() throws IOException {
    StringBuilder dump = new StringBuilder(ROOT);
    StringBuilder path = new StringBuilder();
    for (int depth = 1; depth <= Limits.DEPTH_MAX; depth++) {
      dump.append(path.append("/d")).append(" 0 40755 2 0 0 0 0.0 - - -\n");
    }
    assertThat(TestImages.parse(dump.toString()).inodes()).isEqualTo(Limits.DEPTH_MAX + 1);
    dump.append(path.append("/d")).append(" 0 40755 2 0 0 0 0.0 - - -\n");
    assertThatThrownBy(() -> TestImages.parse(dump.toString()))
        .isInstanceOf(DumpFormatException.class)
        .hasMessageContaining("deeper than 2048")
        .hasMessageNotContaining("\n");
  }

  @Test
  void refusesAnEndlessLineWithoutReadingIt() {
    Endless channel = new Endless(10L << 30);
    assertThatThrownBy(() -> DumpReader.read(channel, "endless", DumpOptions.DEFAULT))
        .isInstanceOf(DumpFormatException.class)
        .hasMessageContaining("endless: line 1: the line is longer than");
    assertThat(channel.delivered).isLessThan(16L << 20);
  }

  @Test
  void takesTheLongestLines() throws IOException {
    String slashes = "/".repeat((5 << 20) - 100);
    assertThat(TestImages.parse(ROOT + slashes + "f 0 100644 1 0 0 0 0.0 - - -\n").find("/f"))
        .isNotNull();
  }

  @Test
  void followsLongChainsOfLinksOnce() throws IOException {
    int count = 100_000;
    StringBuilder dump = new StringBuilder(ROOT);
    for (int i = 0; i < count; i++) {
      dump.append("/").append(i).append(" 0 @100644 - - - - - /").append(i + 1).append(" - -\n");
    }
    String target = "/" + count + " 0 100644 1 0 0 0 0.0 - - -\n";
    FileTree tree = TestImages.parse(dump + target);
    assertThat(tree.inodes()).isEqualTo(2);
    assertThat(tree.find("/0")).isSameAs(tree.find("/" + count));
    assertThatThrownBy(() -> TestImages.parse(dump + target.replace(" 0 100644", " 0 40755")))
        .hasMessageContaining("line 100001, column 9: hard link to the directory '/100000'");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "/a>/a, 2, leads back to itself",
    "/a>/b /b>/a, 2, leads back to itself",
    "/a>/b /b>/c /c>/b, 2, leads into a cycle",
    "/a>/b /b>/c, 3, no hard link target '/c'",
    "/a>/a/b, 2, no hard link target '/a/b'"
  })
  void refusesLinksToNowhere(String links, int line, String reason) {
    StringBuilder dump = new StringBuilder(ROOT);
    for (String link : links.split(" ")) {
      dump.append(link.replace(">", " 0 @100644 - - - - - ")).append(" - -\n");
    }
    assertThatThrownBy(() -> TestImages.parse(dump.toString()))
        .isInstanceOf(DumpFormatException.class)
        .hasMessageStartingWith("test.dump: line " + line + ", column 9: ")
        .hasMessageContaining(reason);
  }

  @Test
  void takesNamesInAnyOrderAndFindsRepetitions() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      lines.add("/n" + i + " 0 100644 " + i + " 0 0 0 0.0 - - -\n");
    }
    String sorted = ROOT + lines.stream().sorted().collect(Collectors.joining());
    Collections.shuffle(lines, new Random(1));
    String shuffled = ROOT + String.join("", lines);
    TreeAssert.assertSame(TestImages.parse(sorted), TestImages.parse(shuffled));
    assertThatThrownBy(() -> TestImages.parse(shuffled + lines.get(7)))
        .hasMessageStartingWith("test.dump: line 20002, column 1: ")
        .hasMessageContaining("exists already");
  }

  @Test
  void readsThroughPiecesOfAnySize() throws IOException {
    byte[] dump = Vectors.image("mixed-tree.dump");
    String expected = TestImages.dump(TestImages.parse(dump));
    for (int piece = 1; piece < 50; piece += 3) {
      FileTree tree = DumpReader.read(new Pieces(dump, piece), "test.dump", DumpOptions.DEFAULT);
      assertThat(TestImages.dump(tree)).isEqualTo(expected);
    }
  }

  /** A line of 10 GB. */
  private static final class Endless implements ReadableByteChannel {
    private final long size;
    long delivered;

    Endless(long size) {
      this.size = size;
    }

    @Override
    public int read(ByteBuffer target) {
      if (delivered >= size) {
        return -1;
      }
      int count = target.remaining();
      for (int i = 0; i < count; i++) {
        target.put((byte) 'a');
      }
      delivered += count;
      return count;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  private record Pieces(ByteBuffer bytes, int piece) implements ReadableByteChannel {
    Pieces(byte[] bytes, int piece) {
      this(ByteBuffer.wrap(bytes), piece);
    }

    @Override
    public int read(ByteBuffer target) {
      if (!bytes.hasRemaining()) {
        return -1;
      }
      int count = Math.min(piece, Math.min(bytes.remaining(), target.remaining()));
      for (int i = 0; i < count; i++) {
        target.put(bytes.get());
      }
      return count;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }
}
