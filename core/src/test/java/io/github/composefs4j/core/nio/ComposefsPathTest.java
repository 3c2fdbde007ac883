package io.github.composefs4j.core.nio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.ProviderMismatchException;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths do what those of the JDK's own provider for Unix do. */
class ComposefsPathTest {
  private ComposefsFileSystem fileSystem;

  @BeforeEach
  void open() throws IOException {
    byte[] image = TestImages.write(new TreeBuilder().tree(), ImageOptions.DEFAULT);
    fileSystem = ComposefsFileSystem.of(TestImages.open(image), new ImageContents(List.of(), null));
  }

  @AfterEach
  void close() throws IOException {
    fileSystem.close();
  }

  /** A letter that is not ASCII where the host's locale has it: in the C locale it has none. */
  private static final String LETTER =
      Charset.forName(System.getProperty("sun.jnu.encoding")).newEncoder().canEncode('\u00e9')
          ? "\u00e9"
          : "e";

  private static String random(RandomGenerator random) {
    String[] names = {"a", "b", "..", ".", "", "ab", LETTER, "a.b"};
    List<String> parts = new ArrayList<>();
    for (int i = random.nextInt(6); i >= 0; i--) {
      parts.add(names[random.nextInt(names.length)]);
    }
    return String.join("/", parts);
  }

  private static String outcome(java.util.concurrent.Callable<?> what) throws Exception {
    try {
      return String.valueOf(what.call());
    } catch (IllegalArgumentException e) {
      return "IllegalArgumentException";
    }
  }

  @Test
  void agreesWithTheHostsPaths() {
    Seeds.forEach(
        3000,
        random -> {
          String text = random(random);
          String other = random(random);
          Path host = Path.of(text);
          Path mine = fileSystem.getPath(text);
          Path hostOther = Path.of(other);
          Path mineOther = fileSystem.getPath(other);
          String of = "'" + text + "' '" + other + "'";
          assertThat(mine.toString()).as(of).isEqualTo(host.toString());
          assertThat(mine.getNameCount()).as(of).isEqualTo(host.getNameCount());
          assertThat(mine.isAbsolute()).as(of).isEqualTo(host.isAbsolute());
          assertThat(String.valueOf(mine.getFileName()))
              .isEqualTo(String.valueOf(host.getFileName()));
          assertThat(String.valueOf(mine.getParent())).isEqualTo(String.valueOf(host.getParent()));
          assertThat(String.valueOf(mine.getRoot())).isEqualTo(String.valueOf(host.getRoot()));
          assertThat(mine.normalize().toString()).as(of).isEqualTo(host.normalize().toString());
          assertThat(mine.resolve(mineOther).toString())
              .as(of)
              .isEqualTo(host.resolve(hostOther).toString());
          assertThat(mine.resolveSibling(mineOther).toString())
              .isEqualTo(host.resolveSibling(hostOther).toString());
          assertThat(mine.startsWith(mineOther)).as(of).isEqualTo(host.startsWith(hostOther));
          assertThat(mine.endsWith(mineOther)).as(of).isEqualTo(host.endsWith(hostOther));
          assertThat(Integer.signum(mine.compareTo(mineOther)))
              .as(of)
              .isEqualTo(Integer.signum(host.compareTo(hostOther)));
          assertThat(mine.equals(mineOther)).isEqualTo(host.equals(hostOther));
          assertThat(outcome(() -> mine.subpath(0, 2)))
              .isEqualTo(outcome(() -> host.subpath(0, 2)));
          assertThat(outcome(() -> mine.getName(1))).isEqualTo(outcome(() -> host.getName(1)));
          List<String> names = new ArrayList<>();
          mine.forEach(name -> names.add(name.toString()));
          List<String> hostNames = new ArrayList<>();
          host.forEach(name -> hostNames.add(name.toString()));
          assertThat(names).isEqualTo(hostNames);
          assertThat(outcome(() -> mine.relativize(mineOther)))
              .as("relativize " + of)
              .isEqualTo(outcome(() -> host.relativize(hostOther)));
        });
  }

  @Test
  void everyNameSurvives() {
    Seeds.forEach(
        500,
        random -> {
          byte[] bytes = new byte[1 + random.nextInt(20)];
          random.nextBytes(bytes);
          for (int i = 0; i < bytes.length; i++) {
            bytes[i] = bytes[i] == 0 || bytes[i] == '/' ? (byte) 0xed : bytes[i];
          }
          Path path = ComposefsPath.of(fileSystem, bytes);
          Path again = fileSystem.getPath(path.toString());
          assertThat(again).isEqualTo(path);
          assertThat(ComposefsPath.of(again).bytes()).isEqualTo(bytes);
          assertThat(ImageUri.parse(path.toUri()).path()).isEqualTo(FileName.encode("/" + path));
        });
  }

  @Test
  void refusesWhatIsNoPath() {
    assertThatThrownBy(() -> fileSystem.getPath("a\0b")).isInstanceOf(InvalidPathException.class);
    assertThatThrownBy(() -> fileSystem.getPath("\ud800")).isInstanceOf(InvalidPathException.class);
    Path mine = fileSystem.getPath("a");
    assertThatThrownBy(() -> mine.resolve(Path.of("b")))
        .isInstanceOf(ProviderMismatchException.class);
    assertThatThrownBy(() -> mine.relativize(Path.of("b")))
        .isInstanceOf(ProviderMismatchException.class);
    assertThat(mine.startsWith(Path.of("a"))).isFalse();
    assertThat(mine).isNotEqualTo(Path.of("a"));
    assertThatThrownBy(() -> mine.compareTo(Path.of("a"))).isInstanceOf(ClassCastException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "*",
        "*.java",
        "*.*",
        "*.{java,class}",
        "foo.?",
        "/home/*/*",
        "/home/**",
        "**",
        "[a-c]*",
        "[!a-c]*",
        "a[-]b",
        "a[b-]c",
        "a\\*b",
        "{a,b/c}*",
        "a,b",
        "[abc",
        "{a",
        "a\\",
        "[a/b]",
        "{a,{b}}",
        "a}b",
        "[^a]",
        "[[]",
        "?",
        "\u00e9*",
        "(a|b)+",
        "[b-a]",
        "[]",
        "[&&]x"
      })
  void globsAreThoseOfTheHost(String glob) throws Exception {
    String[] texts = {
      "a",
      "b",
      "foo.java",
      "foo.class",
      "foo.x",
      "/home/a/b",
      "/home/a/b/c",
      "abc",
      "xyz",
      "a-b",
      "a-c",
      "a*b",
      "a,b",
      "a}b",
      "^a",
      "^",
      "[",
      LETTER + "t" + LETTER,
      "b/c",
      "b/cx",
      "(a|b)+",
      "",
      "a\nb",
      "&x"
    };
    PathMatcher host = matcher(Path.of("").getFileSystem(), glob);
    PathMatcher mine = matcher(fileSystem, glob);
    assertThat(mine == null).isEqualTo(host == null);
    for (String text : texts) {
      if (host != null && mine != null && text.indexOf('\n') < 0) {
        assertThat(mine.matches(fileSystem.getPath(text)))
            .as("%s %s", glob, text)
            .isEqualTo(host.matches(Path.of(text)));
      }
    }
  }

  private static PathMatcher matcher(java.nio.file.FileSystem fileSystem, String glob) {
    try {
      return fileSystem.getPathMatcher("glob:" + glob);
    } catch (java.util.regex.PatternSyntaxException e) {
      return null;
    }
  }

  @Test
  void urisOfImagesKeepTheirBytes() {
    URI image = URI.create("file:///srv/a%20b!c.cfs");
    ImageUri parsed = ImageUri.parse(ImageUri.of(image, FileName.encode("/x!/\udcff y")));
    assertThat(parsed.image()).hasToString("file:///srv/a%20b%21c.cfs");
    assertThat(parsed.path()).isEqualTo(FileName.encode("/x!/\udcff y"));
    assertThat(parsed.file()).isEqualTo(Path.of("/srv/a b!c.cfs"));
  }
}
