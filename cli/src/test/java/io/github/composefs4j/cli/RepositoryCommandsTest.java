package io.github.composefs4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.github.composefs4j.cli.Commanding.Result;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.tree.FileName;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The commands on repositories: what they print of the sample repositories is what cfsctl printed,
 * and a life of a repository from its making to an empty one.
 */
class RepositoryCommandsTest {
  @TempDir Path directory;

  private static String recorded(String sample, String file) {
    return new String(Vectors.bytes("repositories/" + sample + "/" + file), StandardCharsets.UTF_8);
  }

  private static Result cfsctl(String... args) {
    return Commanding.run("cfsctl", args);
  }

  private static String ok(Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  private static void assertFails(int status, String message, Result result) {
    assertThat(result.err()).contains(message).hasLineCount(1).startsWith("cfsctl");
    assertThat(result.status()).isEqualTo(status);
    assertThat(result.out()).isEmpty();
  }

  /** The cells of a table, row by row; cfsctl's rows are in the order of a directory. */
  private static List<String> cells(String table) {
    return table
        .lines()
        .filter(line -> line.startsWith("│"))
        .map(line -> line.replaceAll("[│┆\\s]+", " ").strip())
        .sorted()
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"init", "create-image", "compute-id", "compute-karg", "create-dumpfile"})
  void anEmptyPathIsNotTheDirectoryHere(String command) throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    assertFails(2, "a path is empty", cfsctl("--repo", repo, command, ""));
    assertFails(2, "a path is empty", cfsctl("--repo", "", "images"));
  }

  @Test
  void aDryRunTellsOfForeignFilesToo() throws Exception {
    Path repo = Commanding.sample("sha256-1", directory);
    Files.writeString(repo.resolve("images/stray"), "");
    Result dry = cfsctl("--repo", repo.toString(), "gc", "--dry-run");
    assertThat(dry.err()).isEqualTo("fsck: entry-not-symlink: images/stray\n");
    assertThat(cfsctl("--repo", repo.toString(), "gc").err()).isEqualTo(dry.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1", "sha256-2", "sha512-1"})
  void printsWhatCfsctlPrinted(String sample) throws Exception {
    String repo = Commanding.sample(sample, directory).toString();
    assertThat(cells(ok(cfsctl("--repo", repo, "images", "--no-trunc"))))
        .isEqualTo(cells(recorded(sample, "images.txt")));
    var ours =
        JsonParser.parseString(ok(cfsctl("images", "--json", "--repo", repo))).getAsJsonObject();
    var theirs = JsonParser.parseString(recorded(sample, "images.json")).getAsJsonObject();
    assertThat(ours.keySet()).isEqualTo(theirs.keySet());
    assertThat(ours.getAsJsonArray("images"))
        .containsExactlyInAnyOrderElementsOf(theirs.getAsJsonArray("images"));
    assertThat(
            new TreeSet<>(
                ok(cfsctl("--repo=" + repo, "image-objects", "refs/tree/plain")).lines().toList()))
        .isEqualTo(new TreeSet<>(recorded(sample, "image-objects.txt").lines().toList()));
    assertThat(
            ok(
                cfsctl(
                    "--repo",
                    repo,
                    "dump-files",
                    "refs/tree/plain",
                    "/usr/bin/tool",
                    "/etc",
                    "/usr/lib/x")))
        .isEqualTo(recorded(sample, "dump-files.txt"));
    assertThat(
            ok(
                cfsctl(
                    "--repo",
                    repo,
                    "dump-files",
                    "--backing-path-only",
                    "refs/tree/plain",
                    "/usr/bin/tool",
                    "/etc/inline64",
                    "/etc/external65")))
        .isEqualTo(recorded(sample, "dump-files-backing.txt"));
    for (String image : new String[] {"refs/tree/plain", "boot"}) {
      assertThat(ok(cfsctl("--repo", repo, "verify", image))).contains("objects ok");
    }
    assertFails(
        1, "/nope not found", cfsctl("--repo", repo, "dump-files", "boot", "/etc", "/nope"));
    assertThat(ok(cfsctl("--repo", repo, "dump-files", "boot", "/usr/./bin//tool")))
        .startsWith("/usr/./bin//tool 100 ");
    assertThat(ok(cfsctl("--repo", repo, "dump-files", "boot", "/usr/bin/")))
        .startsWith("/usr/bin/ 0 40755 ")
        .contains("\n/usr/bin/tool 100 ");
    assertFails(
        1,
        "/etc is a directory",
        cfsctl("--repo", repo, "dump-files", "--backing-path-only", "boot", "/etc"));
    assertFails(1, "not found", cfsctl("--repo", repo, "image-objects", "nope"));
    assertFails(1, "not found", cfsctl("--repo", repo, "cat", "refs/nope"));
  }

  @Test
  void catGivesTheBytesThatNamedTheStream() throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    List<String> streams = ok(cfsctl("--repo", repo, "streams")).lines().toList();
    assertThat(streams).hasSize(11).isSorted();
    int checked = 0;
    for (String stream : streams) {
      int colon = stream.indexOf("-sha256:");
      if (colon >= 0) {
        byte[] content = ok(cfsctl("--repo", repo, "cat", stream)).getBytes(StandardCharsets.UTF_8);
        if (stream.startsWith("oci-layer-")) {
          continue;
        }
        var hash = java.security.MessageDigest.getInstance("SHA-256").digest(content);
        assertThat(java.util.HexFormat.of().formatHex(hash)).isEqualTo(stream.substring(colon + 8));
        checked++;
      }
    }
    assertThat(checked).isGreaterThanOrEqualTo(6);
  }

  @Test
  void anImageIsMadeNamedImportedAndForgotten() throws Exception {
    String repo = directory.resolve("repo").toString();
    assertThat(
            ok(cfsctl("--repo", repo, "--insecure", "init", "--algorithm", "fsverity-sha256-12")))
        .isEqualTo(
            """
            Initialized composefs repository at %s
              algorithm: fsverity-sha256-12
              verity:    not required (insecure)
            """
                .formatted(repo));
    String[] again = {"init", repo, "--insecure", "--algorithm=fsverity-sha256-12"};
    assertThat(ok(cfsctl(again))).isEqualTo("Repository already initialized at " + repo + "\n");
    assertFails(1, "fsverity-sha256-12", cfsctl("init", repo, "--insecure"));
    assertThat(ok(cfsctl("init", "--ensure", "--erofs-version=2", again[1], again[2], again[3])))
        .isEqualTo(
            "Repository already initialized at " + repo + " (existing configuration preserved)\n");
    assertThat(ok(cfsctl("--repo", repo, "images"))).isEqualTo("No images found\n");

    Path tree = Files.createDirectories(directory.resolve("tree/usr"));
    Files.writeString(tree.resolve("large"), "x".repeat(1000));
    Files.writeString(tree.resolve("small"), "x");
    String source = tree.getParent().toString();
    String created = ok(cfsctl("--repo", repo, "create-image", source, "a/b")).strip();
    assertThat(created).matches("sha256:[0-9a-f]{64}");
    String digest = created.substring(7);
    assertThat(ok(cfsctl("--repo", repo, "compute-id", source))).isEqualTo(digest + "\n");
    assertThat(ok(cfsctl("compute-id", "--no-repo", "--hash=sha256", source)))
        .isEqualTo(digest + "\n");
    String dump = ok(cfsctl("--repo", repo, "create-dumpfile", source));
    Path dumped = Files.writeString(directory.resolve("tree.dump"), dump);
    assertThat(
            Commanding.run(
                    "mkcomposefs",
                    "--from-file",
                    "--format-version=1",
                    "--print-digest-only",
                    dumped.toString())
                .out())
        .isEqualTo(digest + "\n");

    ok(cfsctl("--repo", repo, "ref", "set", "c", digest));
    ok(cfsctl("--repo", repo, "ref", "mv", "c", "d"));
    assertThat(ok(cfsctl("--repo", repo, "ref", "list")))
        .isEqualTo("a/b\t" + digest + "\nd\t" + digest + "\n");
    byte[] image =
        Files.readAllBytes(Path.of(repo, "objects", digest.substring(0, 2), digest.substring(2)));
    assertThat(ok(Commanding.run(image, "cfsctl", "--repo", repo, "import-image", "e")))
        .isEqualTo(created + "\n");
    assertFails(
        1,
        "no composefs image",
        Commanding.run(new byte[5000], "cfsctl", "--repo", repo, "import-image", "f"));
    for (String hostile : new String[] {"../x", "/x", "", "a//b", "."}) {
      assertThat(cfsctl("--repo", repo, "create-image", source, hostile).status()).isEqualTo(1);
    }
    ok(cfsctl("--repo", repo, "ref", "rm", "a/b", "d", "e"));
    assertThat(ok(cfsctl("--repo", repo, "images", "--json")))
        .isEqualTo("{\n  \"images\": []\n}\n");
    assertFails(1, "not found", cfsctl("--repo", repo, "ref", "rm", "d"));
  }

  @Test
  void aDamagedObjectIsFoundByVerify() throws Exception {
    Path repo = Commanding.sample("sha256-1", directory);
    Path data;
    try (var files = Files.list(repo.resolve("objects/28"))) {
      data = files.filter(file -> file.toString().contains("/34b6ab")).findFirst().orElseThrow();
    }
    data.toFile().setWritable(true);
    byte[] content = Files.readAllBytes(data);
    content[10] ^= 1;
    Files.write(data, content);
    Result damaged = cfsctl("--repo", repo.toString(), "verify", "refs/tree/plain");
    assertThat(damaged.status()).isEqualTo(1);
    assertThat(damaged.err()).contains("2834b6ab").contains("1 of 5 objects");
    assertThat(damaged.out()).isEmpty();
    Files.delete(data);
    assertThat(cfsctl("--repo", repo.toString(), "verify", "refs/tree/plain").err())
        .contains("2834b6ab")
        .contains("1 of 5 objects");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1", "sha256-2", "sha512-1"})
  void checksAndCollectsAsCfsctl(String sample) throws Exception {
    Path path = Commanding.sample(sample, directory);
    String repo = path.toString();
    assertThat(ok(cfsctl("--repo", repo, "fsck"))).isEqualTo(recorded(sample, "fsck.txt"));
    assertThat(ok(cfsctl("--repo", repo, "fsck", "--json")))
        .isEqualTo(recorded(sample, "fsck.json"));
    assertThat(ok(cfsctl("--repo", repo, "gc", "-n")))
        .isEqualTo(recorded(sample, "gc-dry-run.txt"));
    assertThat(ok(cfsctl("--repo", repo, "gc"))).isEqualTo(recorded(sample, "gc.txt"));
    try (var files = Files.walk(path)) {
      assertThat(
              files
                  .filter(file -> !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))
                  .map(file -> "./" + path.relativize(file)))
          .containsExactlyInAnyOrderElementsOf(
              recorded(sample, "files-after-gc.txt").lines().toList());
    }
    assertThat(JsonParser.parseString(ok(cfsctl("--repo", repo, "gc", "--json"))).toString())
        .contains("\"objects_removed\":0");
  }

  @Test
  void damageIsStatusOneAndRepairedFromAnother() throws Exception {
    Path path = Commanding.sample("sha256-1", directory);
    String repo = path.toString();
    Path sound = directory.resolve("sound");
    Commanding.program("cp", "-a", repo, sound.toString());
    Path data;
    try (var files = Files.list(path.resolve("objects/28"))) {
      data = files.filter(file -> file.toString().contains("/34b6ab")).findFirst().orElseThrow();
    }
    Files.delete(data);
    Result found = cfsctl("--repo", repo, "fsck");
    assertThat(found.status()).isEqualTo(1);
    assertThat(found.out()).contains("image-missing-object").contains("missing objects: 2");
    assertThat(found.err()).isEqualTo("cfsctl fsck: repository integrity check failed\n");
    Result json = cfsctl("--repo", repo, "fsck", "--json");
    assertThat(json.status()).isEqualTo(1);
    assertThat(JsonParser.parseString(json.out()).getAsJsonObject().get("ok").getAsBoolean())
        .isFalse();
    Result repaired = cfsctl("--repo", repo, "fsck", "--repair", "--from", sound.toString());
    assertThat(repaired.status()).isZero();
    assertThat(repaired.err()).startsWith("fetched: 2834b6ab");
    assertThat(ok(cfsctl("--repo", repo, "fsck"))).isEqualTo(recorded("sha256-1", "fsck.txt"));
    assertFails(2, "go together", cfsctl("--repo", repo, "fsck", "--repair"));
  }

  @Test
  void imagesAreCopiedWithWhatTheyReach() throws Exception {
    String from = Commanding.sample("sha256-1", directory).toString();
    String repo = directory.resolve("copy").toString();
    ok(cfsctl("init", repo, "--insecure", "--algorithm=fsverity-sha256-12"));
    String digest = recordedDigest("boot");
    assertThat(ok(cfsctl("--repo", repo, "copy", "boot", "--from", from, "--name", "here")))
        .isEqualTo("sha256:" + digest + "\n");
    assertThat(ok(cfsctl("--repo", repo, "verify", "here"))).contains("5 objects ok");
    assertThat(ok(cfsctl("--repo", repo, "stat"))).startsWith("objects: 6, ");
    ok(cfsctl("--repo", repo, "copy", "refs/tree/plain", "--from=" + from));
    var stat = JsonParser.parseString(ok(cfsctl("--repo", repo, "stat", "--json")));
    var all = stat.getAsJsonObject();
    // The two images are of one tree: every object of the one is one of the other.
    assertThat(all.get("objects").getAsInt()).isEqualTo(7);
    assertThat(all.get("shared_objects").getAsInt()).isEqualTo(5);
    for (var image : all.getAsJsonArray("images")) {
      assertThat(image.getAsJsonObject().get("unique_bytes").getAsLong()).isZero();
      assertThat(image.getAsJsonObject().get("missing").getAsInt()).isZero();
      assertThat(image.getAsJsonObject().get("shared_bytes")).isEqualTo(all.get("shared_bytes"));
    }
    String other = directory.resolve("sha512").toString();
    ok(cfsctl("init", other, "--insecure"));
    assertFails(1, "sha512", cfsctl("--repo", other, "copy", "boot", "--from", from));
    assertFails(2, "--from is missing", cfsctl("--repo", repo, "copy", "boot"));
  }

  private static String recordedDigest(String name) {
    for (var image :
        JsonParser.parseString(recorded("sha256-1", "images.json"))
            .getAsJsonObject()
            .getAsJsonArray("images")) {
      if (image.getAsJsonObject().get("name").getAsString().equals(name)) {
        return image.getAsJsonObject().get("digest").getAsString();
      }
    }
    throw new AssertionError(name);
  }

  @Test
  void aTransactionRunsACommandAndEndsAsItDoes() throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    assertThat(cfsctl("--repo", repo, "transaction", "--", "sh", "-c", "exit 7").status())
        .isEqualTo(7);
    assertFails(
        1,
        "transaction: nosuchprogram: No such file or directory\n",
        cfsctl("--repo", repo, "transaction", "--", "nosuchprogram"));
  }

  /** Names are any bytes: lines stay lines, JSON is JSON, and a terminal obeys none. */
  @Test
  void strangeNamesBreakNoOutput() throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    String digest = recordedDigest("boot");
    String strange = "a b\nc\u001b[31m\\d" + FileName.decode(new byte[] {(byte) 0xff});
    ok(cfsctl("--repo", repo, "ref", "set", strange, digest));
    assertThat(ok(cfsctl("--repo", repo, "ref", "list")))
        .contains("a b\\012c\\033[31m\\134d")
        .doesNotContain("\u001b");
    assertThat(ok(cfsctl("--repo", repo, "images"))).contains("a b\\x0ac\\x1b[31m\\d\\xff ");
    String json = ok(cfsctl("--repo", repo, "images", "--json"));
    assertThat(json).contains("\"a b\\nc\\u001b[31m\\\\d\\udcff\"");
    assertThat(
            JsonParser.parseString(json)
                .getAsJsonObject()
                .getAsJsonArray("images")
                .asList()
                .stream()
                .map(image -> image.getAsJsonObject().get("name").getAsString()))
        .contains(strange);
  }

  /**
   * A ref is no root, nor is a digest as {@code create-image} prints it: neither names an entry.
   */
  @Test
  void aRootThatIsNoneIsTold() throws Exception {
    String repo = Commanding.sample("sha256-1", directory).toString();
    String digest = recordedDigest("boot");
    Result result =
        cfsctl("--repo", repo, "gc", "-n", "-r", digest, "-r", "sha256:" + digest, "-r", "x");
    assertThat(result.err())
        .isEqualTo(
            "root 'sha256:%s': no such image or stream\nroot 'x': no such image or stream\n"
                .formatted(digest));
    assertThat(result.status()).isZero();
  }

  @Test
  void wrongCommandLinesAreTwo() {
    String nowhere = directory.resolve("nowhere").toString();
    assertFails(2, "did you mean 'images'?", cfsctl("imagse"));
    assertFails(2, "NAME is missing", cfsctl("--repo", nowhere, "dump-files"));
    assertFails(2, "unknown option '--nope'", cfsctl("--repo", nowhere, "images", "--nope"));
    assertFails(2, "exclude each other", cfsctl("--repo", nowhere, "--user", "images"));
    assertFails(1, "--no-repo", cfsctl("--no-repo", "images"));
    assertFails(2, "unexpected 'x'", cfsctl("--repo", nowhere, "images", "x"));
    assertFails(1, "not a repository", cfsctl("--repo", nowhere, "images"));
    assertFails(2, "no command", cfsctl());
    assertThat(ok(cfsctl("help", "ref", "set"))).startsWith("usage: cfsctl ref set ");
    assertThat(ok(Commanding.run("composefs", "cfsctl", "images", "--help")))
        .startsWith("usage: composefs cfsctl images ");
  }
}
