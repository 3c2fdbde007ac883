package io.github.composefs4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.composefs4j.cli.Commanding.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands with several sources of objects, and with the digests of the last scan. */
class SourceCommandsTest {
  private static final int FILES = 12;

  @TempDir Path directory;
  private Path tree;
  private Path shared;
  private Path own;

  @BeforeEach
  void make() throws Exception {
    tree = Files.createDirectories(directory.resolve("tree/usr")).getParent();
    for (int i = 0; i < FILES; i++) {
      Files.writeString(
          tree.resolve("usr/f" + i), ("file " + i + " ").repeat(100 + 3000 * (i % 3)));
    }
    shared = repository("shared");
    own = repository("own");
    ok(composefs(shared, "create-image", tree.toString(), "tree"));
  }

  private Path repository(String name) {
    Path path = directory.resolve(name);
    ok(
        Commanding.run(
            "composefs", "init", path.toString(), "--insecure", "--algorithm=fsverity-sha256-12"));
    return path;
  }

  private static Result composefs(Path repo, String... args) {
    List<String> all = new ArrayList<>(List.of("--repo", repo.toString()));
    all.addAll(Arrays.asList(args));
    return Commanding.run("composefs", all.toArray(String[]::new));
  }

  private static String ok(Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  private static List<Path> objects(Path repo) throws IOException {
    try (Stream<Path> files = Files.walk(repo.resolve("objects"))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  /** The objects of files: all but images. */
  private static List<Path> contents(Path repo) throws IOException {
    List<Path> contents = new ArrayList<>();
    for (Path object : objects(repo)) {
      byte[] bytes = Files.readAllBytes(object);
      if (new String(bytes, 0, 5, java.nio.charset.StandardCharsets.ISO_8859_1).equals("file ")) {
        contents.add(object);
      }
    }
    return contents;
  }

  private static void damage(Path object) throws IOException {
    byte[] content = Files.readAllBytes(object);
    content[content.length / 2] ^= 1;
    Files.write(object, content);
  }

  private String source(Path repo) {
    return "--source=" + repo;
  }

  @Test
  void whatIsPresentInASourceIsNotCopiedAndReadFromThere() throws Exception {
    Files.writeString(tree.resolve("usr/more"), "file that is only here ".repeat(50));
    ok(composefs(own, source(shared), "create-image", tree.toString(), "mine"));
    assertThat(objects(own)).as("the image and the file that is new").hasSize(2);

    assertThat(ok(composefs(own, source(shared), "verify", "mine"))).contains("13 objects ok");
    Result alone = composefs(own, "verify", "mine");
    assertThat(alone.status()).isEqualTo(1);
    assertThat(alone.err()).contains("12 of 13 objects are missing or damaged");

    Path out = directory.resolve("out");
    ok(composefs(own, source(shared), "export", "mine", out.toString()));
    for (int i = 0; i < FILES; i++) {
      assertThat(out.resolve("usr/f" + i)).hasSameBinaryContentAs(tree.resolve("usr/f" + i));
    }

    assertThat(ok(composefs(own, source(shared), "fsck"))).contains("status: ok");
    assertThat(composefs(own, "fsck").out()).contains("missing objects: 12");
    // A directory of objects serves as well as the repository around it.
    assertThat(ok(composefs(own, source(shared.resolve("objects")), "verify", "mine")))
        .contains("13 objects ok");
  }

  @Test
  void sourcesAreAskedInOrderAndPassedOverWhenDamagedOrGone() throws Exception {
    Path second = directory.resolve("second");
    Commanding.program("cp", "-a", shared.toString(), second.toString());
    ok(composefs(own, source(shared), "create-image", tree.toString(), "mine"));
    damage(contents(shared).get(0));
    Files.delete(contents(shared).get(1));
    Path gone = directory.resolve("gone");

    Result read = composefs(own, source(gone), source(shared), source(second), "verify", "mine");
    assertThat(read.status()).isZero();
    assertThat(read.out()).contains("12 objects ok");
    assertThat(read.err())
        .contains("source " + gone)
        .contains("source " + shared + ": 1 objects damaged")
        .hasLineCount(2);

    Result stat = composefs(own, source(shared), source(second), "stat", "--json");
    JsonObject all = JsonParser.parseString(ok(stat)).getAsJsonObject();
    JsonObject first = all.getAsJsonArray("sources").get(0).getAsJsonObject();
    JsonObject last = all.getAsJsonArray("sources").get(1).getAsJsonObject();
    assertThat(first.get("objects").getAsInt()).isEqualTo(11);
    assertThat(first.get("needed").getAsInt()).isEqualTo(11);
    assertThat(last.get("objects").getAsInt()).isEqualTo(12);
    assertThat(last.get("needed").getAsInt()).isEqualTo(1);
    assertThat(composefs(own, source(gone), "stat").out())
        .contains("source " + gone + ": 0 objects");
  }

  @Test
  void promotionMakesTheRepositoryComplete() throws Exception {
    ok(composefs(own, source(shared), "create-image", tree.toString(), "mine"));
    ok(composefs(own, source(shared), "--promote", "verify", "mine"));
    assertThat(ok(composefs(own, "verify", "mine"))).contains("12 objects ok");
    assertThat(ok(composefs(own, "fsck"))).contains("status: ok");
  }

  @Test
  void repairTakesWhatItNeedsFromSeveral() throws Exception {
    Path second = directory.resolve("second");
    Commanding.program("cp", "-a", shared.toString(), second.toString());
    ok(composefs(own, "create-image", tree.toString(), "mine"));
    damage(contents(own).get(3));
    Files.delete(contents(own).get(5));
    Files.delete(contents(own).get(5));
    List<Path> other = contents(shared);
    Files.delete(other.get(3));
    damage(other.get(5));
    Result repaired =
        composefs(
            own, "fsck", "--repair", "--from", shared.toString(), "--from", second.toString());
    assertThat(repaired.status()).isZero();
    assertThat(repaired.err()).contains("fetched: ").contains(shared + ": 1 objects damaged");
    assertThat(ok(composefs(own, "fsck"))).contains("objects: 13/13 ok").contains("status: ok");
  }

  @Test
  void aSourceOfAnotherAlgorithmIsToldAndPassedOver() throws Exception {
    Path other = directory.resolve("sha512");
    ok(Commanding.run("composefs", "init", other.toString(), "--insecure"));
    Result made = composefs(own, source(other), "create-image", tree.toString(), "mine");
    assertThat(made.status()).isZero();
    assertThat(made.err()).contains("is a repository of sha512, not of sha256").hasLineCount(1);
    assertThat(ok(composefs(own, "verify", "mine"))).contains("12 objects ok");
  }

  @Test
  void scansRememberDigestsInTheCacheDirectory() throws Exception {
    Path index = Path.of(System.getenv("XDG_CACHE_HOME"), "composefs4j", "scan-sha256");
    Files.deleteIfExists(index);
    Thread.sleep(2_500); // files that were just written are not noted
    ok(composefs(own, "create-image", "--no-index", tree.toString(), "mine"));
    assertThat(index).doesNotExist();
    String id = ok(composefs(own, "create-image", tree.toString(), "mine"));
    assertThat(index).isNotEmptyFile();
    byte[] kept = Files.readAllBytes(index);
    assertThat(id)
        .isEqualTo("sha256:" + ok(composefs(own, "compute-id", tree.toString())))
        .isEqualTo("sha256:" + ok(composefs(own, "compute-id", "--no-index", tree.toString())));
    assertThat(ok(composefs(own, "create-dumpfile", tree.toString())))
        .isEqualTo(ok(composefs(own, "create-dumpfile", "--no-index", tree.toString())));
    assertThat(Files.readAllBytes(index)).as("nothing was new").isEqualTo(kept);
    // It leaves out the reading of files whose objects are there, and only of these.
    Path object = contents(own).get(2);
    damage(object);
    assertThat(ok(composefs(own, "create-image", tree.toString(), "mine"))).isEqualTo(id);
    assertThat(composefs(own, "fsck").status()).as("it was not read").isEqualTo(1);
    assertThat(ok(composefs(own, "create-image", "--no-index", tree.toString(), "mine")))
        .isEqualTo(id);
    assertThat(ok(composefs(own, "fsck"))).contains("status: ok");
    Files.delete(object);
    assertThat(ok(composefs(own, "create-image", tree.toString(), "mine"))).isEqualTo(id);
    assertThat(ok(composefs(own, "fsck"))).contains("status: ok");
    Files.write(index, new byte[100]);
    assertThat(ok(composefs(own, "create-image", tree.toString(), "mine"))).isEqualTo(id);
  }
}
