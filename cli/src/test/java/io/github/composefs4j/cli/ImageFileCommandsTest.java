package io.github.composefs4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.cli.Commanding.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code cat}, {@code verify} and {@code export} of image files, and {@code cat} of files. */
class ImageFileCommandsTest {
  @TempDir Path directory;
  private Path image;
  private Path objects;
  private String digest;

  @BeforeEach
  void make() throws Exception {
    Path tree = Files.createDirectories(directory.resolve("tree/etc")).getParent();
    Files.writeString(tree.resolve("etc/large"), "large ".repeat(100_000));
    Files.writeString(tree.resolve("etc/small"), "small");
    Files.writeString(tree.resolve("etc/same"), "large ".repeat(100_000));
    Files.createSymbolicLink(tree.resolve("link"), Path.of("etc/large"));
    image = directory.resolve("tree.cfs");
    objects = directory.resolve("objects");
    digest =
        ok(Commanding.run(
                "mkcomposefs",
                "--print-digest",
                "--digest-store=" + objects,
                tree.toString(),
                image.toString()))
            .strip();
  }

  private static Result composefs(String... args) {
    return Commanding.run("composefs", args);
  }

  private static String ok(Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  private static void assertFails(String message, Result result) {
    assertThat(result.err()).contains(message).hasLineCount(1).startsWith("composefs ");
    assertThat(result.status()).isEqualTo(1);
  }

  private String basedir() {
    return "--basedir=" + objects;
  }

  private Path object() throws IOException {
    try (Stream<Path> files = Files.walk(objects)) {
      return files.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
  }

  @Test
  void filesAreVerifiedPrintedAndExported() throws Exception {
    assertThat(ok(composefs("verify", basedir(), "--digest", digest, image.toString())))
        .isEqualTo(image + ": image and 1 objects ok\n");
    for (String path : new String[] {"/etc/large", "etc/same", "/link", "/etc/../link"}) {
      assertThat(ok(composefs("cat", basedir(), image.toString(), path)))
          .isEqualTo("large ".repeat(100_000));
    }
    assertThat(ok(composefs("cat", image.toString(), "/etc/small"))).isEqualTo("small");
    Path out = directory.resolve("out");
    ok(composefs("export", basedir(), image.toString(), out.toString()));
    assertThat(out.resolve("etc/large")).hasContent("large ".repeat(100_000));
    assertThat(Files.readSymbolicLink(out.resolve("link"))).isEqualTo(Path.of("etc/large"));
    assertFails("not empty", composefs("export", basedir(), image.toString(), out.toString()));
  }

  @Test
  void severalDirectoriesAreAskedInOrder() throws Exception {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    assertThat(ok(composefs("verify", "--basedir=" + empty, basedir(), image.toString())))
        .contains("1 objects ok");
    Path damaged = directory.resolve("damaged");
    Commanding.program("cp", "-a", objects.toString(), damaged.toString());
    Path object = damaged.resolve(objects.relativize(object()));
    Files.writeString(object, "x".repeat((int) Files.size(object)));
    Result passed = composefs("verify", "--basedir=" + damaged, basedir(), image.toString());
    assertThat(passed.status()).isZero();
    assertThat(passed.err()).contains(damaged + ": 1 objects damaged").hasLineCount(1);
    assertThat(composefs("verify", "--basedir=" + damaged, image.toString()).err())
        .contains("1 of 1 objects are missing or damaged");
  }

  @Test
  void whatIsMissingWithoutAnyDirectoryNamesTheOption() throws Exception {
    String hint = "no object directory was given; name one with --basedir";
    assertThat(composefs("verify", image.toString()).err()).contains(hint);
    assertFails(hint, composefs("cat", image.toString(), "/etc/large"));
    assertFails(hint, composefs("export", image.toString(), directory.resolve("out").toString()));
  }

  @Test
  void objectsMayHavePathsOfTheirOwn() throws Exception {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    Path files = Files.createDirectories(directory.resolve("files/below")).getParent();
    Files.writeString(files.resolve("below/object"), "content ".repeat(100));
    String digest =
        ok(composefs("composefs-info", "measure-file", files.resolve("below/object").toString()))
            .strip();
    Path own = directory.resolve("own.cfs");
    String line = "/file 800 100644 1 0 0 0 0.0 below/object - " + digest + "\n";
    Path dump =
        Files.writeString(directory.resolve("dump"), "/ 0 40755 1 0 0 0 0.0 - - -\n" + line);
    ok(composefs("mkcomposefs", "--from-file", dump.toString(), own.toString()));
    String[] basedirs = {"--basedir=" + empty, "--basedir=" + files};
    assertThat(ok(composefs("verify", basedirs[0], basedirs[1], own.toString())))
        .contains("1 objects ok");
    assertThat(ok(composefs("cat", basedirs[0], basedirs[1], own.toString(), "/file")))
        .isEqualTo("content ".repeat(100));
    Path out = directory.resolve("out");
    ok(composefs("export", basedirs[0], basedirs[1], own.toString(), out.toString()));
    assertThat(out.resolve("file")).hasContent("content ".repeat(100));
    assertThat(composefs("verify", basedirs[0], own.toString()).err())
        .contains("object below/object is missing");
    Files.writeString(files.resolve("below/object"), "Content ".repeat(100));
    assertFails(
        "its digest is",
        composefs("export", basedirs[1], own.toString(), directory.resolve("bad").toString()));
  }

  @Test
  void whatIsWrongIsOneLine() throws Exception {
    assertFails(
        "No such file or directory",
        composefs("verify", "--basedir=" + directory.resolve("none"), image.toString()));
    assertFails("its digest is", composefs("verify", "--digest", "0".repeat(64), image.toString()));
    assertThat(composefs("verify", image.toString()).err())
        .contains("1 of 1 objects are missing or damaged");
    assertFails("/nope", composefs("cat", basedir(), image.toString(), "/nope"));
    assertFails("directory", composefs("cat", basedir(), image.toString(), "/etc"));
    assertFails("no such image file", composefs("verify", basedir(), "nowhere.cfs"));
    Path object = object();
    byte[] content = Files.readAllBytes(object);
    content[300_000] ^= 1;
    Files.write(object, content);
    assertFails("object ", composefs("cat", basedir(), image.toString(), "/etc/large"));
    Path out = directory.resolve("out");
    assertThat(composefs("export", basedir(), image.toString(), out.toString()).status())
        .isEqualTo(1);
    assertThat(out).isEmptyDirectory();
    Path text = Files.writeString(directory.resolve("text"), "no image");
    assertFails("text", composefs("verify", basedir(), text.toString()));
  }

  @Test
  void filesOfAnImageInARepositoryArePrinted() throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    String inline = ok(composefs("--repo", repo, "cat", "refs/tree/plain", "/etc/inline64"));
    assertThat(inline).hasSize(64);
    assertThat(ok(composefs("--repo", repo, "cat", "refs/tree/plain", "/etc/external65")))
        .hasSize(65);
    assertFails("not found", composefs("--repo", repo, "cat", "refs/nope", "/etc/inline64"));
  }
}
