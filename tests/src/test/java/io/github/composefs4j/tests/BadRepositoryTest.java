package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Repositories that cannot be used as they should: every refusal is one line and status 1, and
 * nothing that was there is lost.
 */
@Timeout(240)
class BadRepositoryTest {
  private static final String INSECURE = "--insecure";
  private static final String SHA256 = "--algorithm=fsverity-sha256-12";

  @TempDir Path scratch;
  private Path tree;

  @BeforeEach
  void makeTree() throws IOException {
    tree = Files.createDirectories(scratch.resolve("tree/usr")).getParent();
    Files.writeString(tree.resolve("usr/file"), "content ".repeat(100));
  }

  private static String ok(Tool.Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  private static void assertRefused(String message, Tool.Result result) {
    assertThat(result.err()).hasLineCount(1).contains(message).startsWith("composefs ");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.out()).isEmpty();
  }

  private static Tool.Result composefs(Path repo, String... args) throws Exception {
    return Tool.run(command(repo, args));
  }

  private static List<String> command(Path repo, String... args) {
    List<String> all = new ArrayList<>(List.of("--repo=" + repo));
    all.addAll(List.of(args));
    return Tool.command("composefs", all.toArray(String[]::new));
  }

  private Path repository(Path path) throws Exception {
    ok(Tool.composefs("composefs", "init", path.toString(), INSECURE, SHA256));
    ok(composefs(path, "create-image", tree.toString(), "sound"));
    return path;
  }

  private static List<String> files(Path repo) throws IOException {
    try (Stream<Path> files = Files.walk(repo)) {
      return files
          .filter(file -> !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))
          .map(file -> repo.relativize(file).toString())
          .sorted()
          .toList();
    }
  }

  private void assertSound(Path repo) throws Exception {
    assertThat(ok(composefs(repo, "verify", "sound"))).contains("1 objects ok");
    assertThat(ok(composefs(repo, "fsck"))).endsWith("status: ok\n");
  }

  /** What reads works, what writes is refused. */
  private void assertOnlyReads(Path repo, String reason, List<String> before, String... prefix)
      throws Exception {
    for (List<String> reading :
        List.of(List.of("images"), List.of("verify", "sound"), List.of("gc", "-n"))) {
      ok(run(prefix, command(repo, reading.toArray(String[]::new))));
    }
    for (List<String> writing :
        List.of(
            List.of("create-image", tree.toString(), "other"),
            List.of("ref", "set", "other", "sound"),
            List.of("ref", "rm", "sound"),
            List.of("gc"))) {
      assertRefused(reason, run(prefix, command(repo, writing.toArray(String[]::new))));
    }
    assertThat(files(repo)).isEqualTo(before);
  }

  private static Tool.Result run(String[] prefix, List<String> command) throws Exception {
    List<String> all = new ArrayList<>(List.of(prefix));
    all.addAll(command);
    return Tool.run(all);
  }

  @Test
  void aReadOnlyFileSystemIsOnlyRead() throws Exception {
    Path image = LoopFileSystem.format("ext4", scratch.resolve("ext4.img"), 64);
    Path point = Files.createDirectory(scratch.resolve("point"));
    Path repo = point.resolve("repo");
    List<String> before;
    try (LoopFileSystem file = LoopFileSystem.mount(image, point)) {
      repository(repo);
      before = files(repo);
      file.unmount();
    }
    try (LoopFileSystem _ = LoopFileSystem.mount(image, point, "ro")) {
      assertOnlyReads(repo, "is not writable", before);
      assertRefused(
          point.resolve("new").toString(),
          Tool.composefs("composefs", "init", point.resolve("new").toString(), INSECURE));
    }
  }

  @Test
  void aFullDiskLosesNothing() throws Exception {
    try (LoopFileSystem disk = LoopFileSystem.make("ext4", scratch, 24)) {
      Path repo = repository(disk.path().resolve("repo"));
      List<String> before = files(repo);
      Path large = Files.createDirectories(scratch.resolve("large/usr"));
      byte[] content = new byte[3 << 20];
      Random random = new Random(1);
      for (int i = 0; i < 16; i++) {
        random.nextBytes(content);
        Files.write(large.resolve("f" + i), content);
      }
      assertRefused(
          "No space left on device",
          composefs(repo, "create-image", large.getParent().toString(), "large"));
      assertSound(repo);
      assertThat(ok(composefs(repo, "images", "--json"))).doesNotContain("large");
      assertThat(ok(composefs(repo, "gc"))).contains(" removed (");
      assertThat(files(repo)).isEqualTo(before);
      for (int i = 4; i < 16; i++) {
        Files.delete(large.resolve("f" + i));
      }
      ok(composefs(repo, "create-image", large.getParent().toString(), "large"));
      assertSound(repo);
    }
  }

  @Test
  void withoutPermissionNothingIsChanged() throws Exception {
    Requirements.root();
    Requirements.program("setpriv");
    // Root without its power over modes is as any user; another user could not read the JDK here.
    String[] plain = {"setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"};
    Path repo = repository(scratch.resolve("repo"));
    List<String> before = files(repo);
    LoopFileSystem.assertRuns(List.of("chown", "-R", "65534:65534", repo.toString()));
    LoopFileSystem.assertRuns(List.of("chmod", "0755", repo.toString()));
    assertOnlyReads(repo, "is not writable", before, plain);
    LoopFileSystem.assertRuns(List.of("chmod", "0700", repo.toString()));
    for (List<String> command :
        List.of(List.of("images"), List.of("fsck"), List.of("create-image", tree.toString()))) {
      assertRefused("Permission denied", run(plain, command(repo, command.toArray(String[]::new))));
    }
    LoopFileSystem.assertRuns(List.of("chmod", "0755", repo.toString()));
    LoopFileSystem.assertRuns(List.of("chmod", "0000", object(repo).toString()));
    Tool.Result unreadable = run(plain, command(repo, "verify", "sound"));
    assertThat(unreadable.status()).isEqualTo(1);
    assertThat(unreadable.err()).contains("Permission denied");
    assertThat(run(plain, command(repo, "fsck")).out()).contains("object-open-failed");
    LoopFileSystem.assertRuns(List.of("chmod", "0000", tree.resolve("usr").toString()));
    LoopFileSystem.assertRuns(List.of("chown", "65534", tree.resolve("usr").toString()));
    Path mine = repository2(scratch.resolve("mine"));
    assertRefused(
        tree.resolve("usr").toString(), run(plain, command(mine, "create-image", tree.toString())));
    assertThat(files(mine)).isEqualTo(List.of("meta.json"));
  }

  private static Path repository2(Path path) throws Exception {
    ok(Tool.composefs("composefs", "init", path.toString(), INSECURE, SHA256));
    return path;
  }

  /** The object of the file. */
  private static Path object(Path repo) throws IOException {
    try (Stream<Path> files = Files.walk(repo.resolve("objects"))) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> file.toFile().length() == 800)
          .findFirst()
          .orElseThrow();
    }
  }

  @Test
  void foreignFilesAndDanglingRefsStopNobody() throws Exception {
    Path repo = repository(scratch.resolve("repo"));
    LoopFileSystem.assertRuns(List.of("mkfifo", repo.resolve("images/fifo").toString()));
    LoopFileSystem.assertRuns(List.of("mkfifo", repo.resolve("images/refs/fifo").toString()));
    LoopFileSystem.assertRuns(List.of("mkfifo", repo.resolve("objects/fifo").toString()));
    Files.createDirectories(repo.resolve("objects/00/directory"));
    Files.writeString(repo.resolve("notes"), "mine");
    Files.createSymbolicLink(repo.resolve("images/refs/gone"), Path.of("../" + "0".repeat(64)));
    Files.createSymbolicLink(repo.resolve("images/refs/loop"), Path.of("loop"));
    Files.createSymbolicLink(repo.resolve("images/refs/out"), Path.of("../../../../etc/passwd"));
    List<String> before = files(repo);
    for (String name : new String[] {"gone", "loop", "out", "fifo", "refs/fifo"}) {
      assertRefused("not found", composefs(repo, "image-objects", name));
    }
    assertThat(ok(composefs(repo, "verify", "sound"))).contains("1 objects ok");
    Tool.Result found = composefs(repo, "fsck");
    assertThat(found.status()).isEqualTo(1);
    assertThat(found.out())
        .contains("entry-not-symlink: images/fifo")
        .contains("unexpected-file-type: images/refs/fifo")
        .contains("foreign-file: objects/fifo")
        .contains("unexpected-file-type: objects/00/directory")
        .contains("broken-symlink: images/refs/gone")
        .contains("images/refs/loop")
        .contains("images/refs/out");
    Tool.Result collected = composefs(repo, "gc");
    assertThat(collected.status()).isZero();
    assertThat(collected.out()).startsWith("Objects: 0 removed (0 bytes)\n");
    assertThat(collected.err()).contains("images/fifo").contains("objects/00/directory");
    List<String> left = new ArrayList<>(before);
    left.removeAll(files(repo));
    assertThat(left)
        .as("only refs that lead nowhere are removed")
        .allMatch(file -> file.startsWith("images/refs/"));
    assertThat(ok(composefs(repo, "verify", "sound"))).contains("1 objects ok");
  }

  @Test
  void hostileNamesAndUnknownFormatsAreRefusedBeforeAnyWork() throws Exception {
    Path repo = repository(scratch.resolve("repo"));
    Files.writeString(tree.resolve("usr/new"), "new content ".repeat(100));
    List<String> before = files(repo);
    for (String name :
        List.of("", ".", "..", "../x", "a/../../x", "/x", "a//b", "a/", "x".repeat(256))) {
      assertRefused("", composefs(repo, "create-image", tree.toString(), name));
      assertRefused("", composefs(repo, "ref", "set", name, "sound"));
      assertRefused("", composefs(repo, "image-objects", "refs/" + name));
      assertThat(files(repo)).as(name).isEqualTo(before);
    }
    assertRefused("sound", composefs(repo, "create-image", tree.toString(), "sound/below"));
    assertThat(composefs(repo, "gc", "-n").status()).isZero();
    String meta = Files.readString(repo.resolve("meta.json"));
    for (Map.Entry<String, String> bad :
        Map.of(
                meta.replace("\"incompatible\": []", "\"incompatible\": [\"later\"]"),
                "later",
                meta.replace("\"version\": 1", "\"version\": 2"),
                "version 2",
                meta.replace("sha256-12", "sha1-12"),
                "sha1",
                "{",
                "meta.json")
            .entrySet()) {
      Files.writeString(repo.resolve("meta.json"), bad.getKey());
      for (List<String> command :
          List.of(List.of("images"), List.of("fsck"), List.of("gc"), List.of("verify", "sound"))) {
        assertRefused(bad.getValue(), composefs(repo, command.toArray(String[]::new)));
      }
    }
    Files.writeString(repo.resolve("meta.json"), meta);
    assertRefused("sha512", composefs(repo, "--hash=sha512", "images"));
    assertRefused("sha512", composefs(repo, "--hash=sha512", "gc"));
    Path other = repository512(scratch.resolve("other"));
    assertRefused("sha256", composefs(other, "copy", "sound", "--from=" + repo));
    assertSound(repo);
  }

  private static Path repository512(Path path) throws Exception {
    ok(Tool.composefs("composefs", "init", path.toString(), INSECURE));
    return path;
  }

  @Test
  void withoutNativeAccessRepositoriesAreOnlyRead() throws Exception {
    Path repo = RepositorySamples.unpack("sha256-1", scratch);
    List<String> before = files(repo);
    for (List<String> reading :
        List.of(
            List.of("images"),
            List.of("streams"),
            List.of("image-objects", "boot"),
            List.of("verify", "boot"),
            List.of("cat", "refs/oci/r3-again"),
            List.of("fsck"),
            List.of("stat"))) {
      Tool.Result expected = composefs(repo, reading.toArray(String[]::new));
      Tool.Result portable = portable(repo, reading);
      assertThat(portable.err()).isEqualTo(expected.err());
      assertThat(portable.status()).isEqualTo(expected.status());
      assertThat(portable.outBytes()).isEqualTo(expected.outBytes());
    }
    for (List<String> writing :
        List.of(
            List.of("create-image", tree.toString()),
            List.of("gc"),
            List.of("ref", "rm", "boot"),
            List.of("fsck", "--repair", "--from=" + repo),
            List.of("init", repo.toString(), INSECURE))) {
      assertRefused("flock", portable(repo, writing));
    }
    assertThat(files(repo)).isEqualTo(before);
  }

  private static Tool.Result portable(Path repo, List<String> args) throws Exception {
    List<String> command = new ArrayList<>(command(repo, args.toArray(String[]::new)));
    command.replaceAll(
        part -> part.startsWith("--enable-native-access") ? "--illegal-native-access=deny" : part);
    return Tool.run(command);
  }
}
