package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.Vectors;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong is told in one line, with exit status 1; nothing is lost and nothing half left. */
@Timeout(300)
class BadInputTest {
  /** Megabytes of an endless line; 10,240 by hand. */
  private static final long LINE = Long.getLong("test.line.megabytes", 256);

  /** How often a command is killed; some hundreds by hand. */
  private static final int KILLS = Integer.getInteger("test.kills", 12);

  @TempDir Path directory;

  private static void assertFailsInOneLine(Tool.Result result, String... reasons) {
    assertThat(result.err()).hasLineCount(1).contains(reasons).doesNotContain("Exception");
    assertThat(result.status()).isEqualTo(1);
  }

  @Test
  void badImagesAreRefusedByEveryCommand() throws Exception {
    byte[] good = Vectors.image("basic-types.cfs");
    byte[] otherVersion = good.clone();
    otherVersion[4] = 9; // the header's version
    byte[] flipped = good.clone();
    flipped[1024 + 1] ^= 4; // EROFS magic
    List<Path> bad = new ArrayList<>();
    bad.add(Files.write(directory.resolve("truncated"), Arrays.copyOf(good, good.length - 4096)));
    bad.add(Files.write(directory.resolve("short"), Arrays.copyOf(good, 100)));
    bad.add(Files.createFile(directory.resolve("empty")));
    bad.add(
        Files.write(
            directory.resolve("text"),
            "no image\n".repeat(2000).getBytes(StandardCharsets.US_ASCII)));
    bad.add(Files.write(directory.resolve("version"), otherVersion));
    bad.add(Files.write(directory.resolve("flipped"), flipped));
    String base = Files.createDirectory(directory.resolve("objects")).toString();
    String target = Files.createDirectory(directory.resolve("mnt")).toString();
    Path written = directory.resolve("written");
    for (Path image : bad) {
      String name = image.toString();
      assertFailsInOneLine(Tool.composefs("composefs-info", "dump", name), name);
      if (!image.endsWith("version")) { // the C tool mounts what has another header version, too
        Tool.Result mounted =
            Tool.composefs("mount.composefs", "-o", "basedir=" + base, name, target);
        assertFailsInOneLine(mounted, name);
      }
    }
    assertFailsInOneLine(
        Tool.composefs("composefs-dump", bad.get(0).toString(), written.toString()), "truncated");
    assertThat(written).doesNotExist();
    Tool.Result many =
        Tool.composefs("composefs-info", "ls", bad.get(2).toString(), bad.get(3).toString());
    assertThat(many.status()).isEqualTo(1);
    assertThat(many.out()).isEmpty();
  }

  /** Writes to a process until it reads no more. {@return what it left} */
  private static Tool.Result feed(String[] javaOptions, byte[] start, byte[] repeated, long bytes)
      throws Exception {
    List<String> command = Tool.command("mkcomposefs", "--from-file", "--print-digest-only", "-");
    command.addAll(1, List.of(javaOptions));
    Process process = new ProcessBuilder(command).start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(start);
      for (long done = 0; done < bytes; done += repeated.length) {
        in.write(repeated);
      }
    } catch (IOException e) {
      assertThat(e).hasMessage("Broken pipe");
    }
    byte[] out = process.getInputStream().readAllBytes();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    return new Tool.Result(process.waitFor(), out, err);
  }

  @Test
  void endlessLinesEndInBoundedMemory() throws Exception {
    byte[] root = "/ 0 40755 1 0 0 0 0.0 - - -\n".getBytes(StandardCharsets.US_ASCII);
    byte[] piece = new byte[1 << 20];
    Arrays.fill(piece, (byte) 'a');
    for (String start :
        new String[] {"/", "/x 0 100644 1 0 0 0 0.0 - - - k=", "/x 0 @100644 - - - - - /y "}) {
      byte[] head = Arrays.copyOf(root, root.length + start.length());
      System.arraycopy(
          start.getBytes(StandardCharsets.US_ASCII), 0, head, root.length, start.length());
      Tool.Result result = feed(new String[] {"-Xmx64m"}, head, piece, LINE << 20);
      assertFailsInOneLine(result, "line 2");
    }
  }

  @Test
  void manyLinesThatAreWrongInTheEndTakeLittleMemory() throws Exception {
    byte[] root = "/ 0 40755 1 0 0 0 0.0 - - -\n".getBytes(StandardCharsets.US_ASCII);
    Random random = new Random(1);
    byte[] junk = new byte[1 << 16];
    random.nextBytes(junk);
    assertFailsInOneLine(feed(new String[0], junk, junk, 1 << 20), "line 1");
    byte[] afterRoot = Arrays.copyOf(root, root.length + junk.length);
    System.arraycopy(junk, 0, afterRoot, root.length, junk.length);
    assertFailsInOneLine(feed(new String[0], afterRoot, junk, 1 << 20), "line 2");
    byte[] feeds = new byte[1 << 16];
    Arrays.fill(feeds, (byte) '\n');
    assertFailsInOneLine(feed(new String[0], root, feeds, 1 << 20), "line 2");
  }

  /** Root without the right to read what its mode forbids is what every other user is. */
  private static List<String> withoutOverride(List<String> command) {
    Requirements.root();
    Requirements.program("setpriv");
    List<String> all =
        new ArrayList<>(List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"));
    all.addAll(command);
    return all;
  }

  @Test
  void unreadableFilesAreNamed() throws Exception {
    Path source =
        Files.createDirectories(directory.resolve("source/sub/dir")).getParent().getParent();
    Files.writeString(source.resolve("sub/file"), "secret".repeat(100));
    Path store = directory.resolve("store");
    List<String> make =
        withoutOverride(
            Tool.command(
                "mkcomposefs", "--digest-store=" + store, source.toString(), directory + "/i"));
    for (String path : new String[] {"sub/file", "sub/dir", "sub"}) {
      assertThat(Tool.run("chmod", "0", source.resolve(path).toString()).status()).isZero();
      assertFailsInOneLine(Tool.run(make), source.resolve(path).toString(), "Permission denied");
      assertThat(Tool.run("chmod", "755", source.resolve(path).toString()).status()).isZero();
      assertThat(directory.resolve("i")).doesNotExist();
    }
    assertThat(Tool.run(make).err()).isEmpty();
    Path locked = Files.createDirectory(directory.resolve("locked"));
    assertThat(Tool.run("chmod", "555", locked.toString()).status()).isZero();
    for (String[] options :
        new String[][] {
          {"--digest-store=" + locked + "/store", source.toString(), directory + "/j"},
          {source.toString(), locked + "/image"}
        }) {
      assertFailsInOneLine(
          Tool.run(withoutOverride(Tool.command("mkcomposefs", options))),
          locked.toString(),
          "Permission denied");
    }
    assertThat(directory.resolve("j")).doesNotExist();
    assertThat(locked).isEmptyDirectory();
  }

  @Test
  void fullReadOnlyAndMissingTargets() throws Exception {
    Path source = Files.createDirectory(directory.resolve("source"));
    for (int i = 0; i < 8; i++) {
      byte[] content = new byte[300_000];
      new Random(i).nextBytes(content);
      Files.write(source.resolve("f" + i), content);
    }
    Files.write(source.resolve("large"), new byte[3_000_000]);
    String tree = source.toString();
    try (LoopFileSystem full = LoopFileSystem.tmpfs(directory.resolve("full"), "size=1m")) {
      Path image = Files.writeString(full.path().resolve("image"), "old");
      Path store = full.path().resolve("store");
      assertFailsInOneLine(
          Tool.composefs("mkcomposefs", "--digest-store=" + store, tree, image.toString()),
          "No space left on device");
      assertThat(image).hasContent("old");
      SharedStoreTest.assertSound(store); // what is there is whole: a larger disk would go on
      Path one = Files.createDirectory(directory.resolve("one"));
      Files.write(one.resolve("large"), new byte[3_000_000]);
      assertFailsInOneLine(
          Tool.composefs(
              "mkcomposefs", "--digest-store=" + store, one.toString(), image.toString()),
          "an object in " + store + ": No space left on device");
      Path dump = directory.resolve("large.dump");
      try (var lines = Files.newBufferedWriter(dump)) {
        lines.write("/ 0 40755 2 0 0 0 0.0 - - -\n");
        for (int i = 0; i < 40_000; i++) {
          lines.write("/" + "n".repeat(50) + i + " 0 100644 1 0 0 0 0.0 - - -\n");
        }
      }
      assertFailsInOneLine(
          Tool.composefs("mkcomposefs", "--from-file", dump.toString(), image.toString()),
          "No space left on device");
      assertThat(image).hasContent("old");
      assertThat(names(full.path())).containsExactlyInAnyOrder("image", "store");
    }
    try (LoopFileSystem fixed = LoopFileSystem.tmpfs(directory.resolve("fixed"), "size=1m")) {
      Files.writeString(fixed.path().resolve("image"), "old");
      assertThat(Tool.run("mount", "-o", "remount,ro", fixed.path().toString()).status()).isZero();
      String image = fixed.path().resolve("image").toString();
      assertFailsInOneLine(
          Tool.composefs("mkcomposefs", tree, image), image, "Read-only file system");
      assertFailsInOneLine(
          Tool.composefs(
              "mkcomposefs", "--digest-store=" + fixed.path() + "/s", tree, directory + "/i"),
          "Read-only file system");
      assertThat(directory.resolve("i")).doesNotExist();
    }
    assertFailsInOneLine(
        Tool.composefs("mkcomposefs", tree, directory + "/no/image"), "/no", "No such file");
    assertFailsInOneLine(
        Tool.composefs("mkcomposefs", tree + "/none", directory + "/i"), tree + "/none", "No such");
    assertFailsInOneLine(
        Tool.composefs("mkcomposefs", "--digest-store=" + tree + "/f0", tree, directory + "/i"),
        "f0",
        "Not a directory");
    assertThat(directory.resolve("i")).doesNotExist();
  }

  private static List<String> names(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** A store of its own each time, and one that all rounds fill; so do the images. */
  @Test
  void killedAtAnyMomentItLeavesWholeObjectsAndAWholeImageOrNone() throws Exception {
    Path source = Files.createDirectory(directory.resolve("source"));
    for (int i = 0; i < 300; i++) {
      byte[] content = new byte[1000 + 211 * i];
      new Random(i).nextBytes(content);
      Files.write(source.resolve("f" + i), content);
    }
    Path image = directory.resolve("image");
    Path store = directory.resolve("store");
    List<String> make =
        Tool.command("mkcomposefs", "--digest-store=" + store, source.toString(), image.toString());
    long started = System.nanoTime();
    assertThat(Tool.run(make).err()).isEmpty();
    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
    byte[] expected = Files.readAllBytes(image);
    Files.delete(image);
    Random random = new Random(2);
    int killed = 0;
    int complete = 0;
    for (int round = 0; round < KILLS; round++) {
      if (round % 3 == 0) {
        Tool.run("rm", "-r", store.toString());
      }
      boolean old = round % 2 == 1;
      if (old) {
        Files.writeString(image, "old");
      } else {
        Files.deleteIfExists(image);
      }
      List<String> before = leftovers();
      Process process = new ProcessBuilder(Tool.interruptible(make)).start();
      Thread.sleep(random.nextLong(Math.max(1, took)));
      String signal = new String[] {"KILL", "INT", "TERM"}[round % 3];
      Tool.run("kill", "-" + signal, Long.toString(process.pid()));
      int status = process.waitFor();
      String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(err.lines().count()).as(err).isLessThanOrEqualTo(1);
      if (status == 0) {
        assertThat(image).hasBinaryContent(expected);
        complete++;
      } else {
        killed++;
        if (Files.exists(image) && !(old && Files.size(image) == 3)) {
          assertThat(image).hasBinaryContent(expected); // renamed, and killed after that
        }
      }
      if (Files.exists(store)) {
        SharedStoreTest.assertSound(store);
      }
      // A run that ends before it looks leaves what another left; only a killed one leaves its own.
      List<String> own = new ArrayList<>(leftovers());
      own.removeAll(before);
      assertThat(own).hasSizeLessThanOrEqualTo(signal.equals("KILL") ? 1 : 0);
      age(); // so that the next run may remove it
    }
    assertThat(Tool.run(make).err()).isEmpty();
    assertThat(image).hasBinaryContent(expected);
    assertThat(SharedStoreTest.assertSound(store)).isEqualTo(300);
    assertThat(leftovers()).isEmpty();
    System.out.println(
        KILLS + " runs signalled: " + killed + " ended by it, " + complete + " complete");
    assertThat(killed).isPositive();
  }

  private List<String> leftovers() throws IOException {
    return names(directory).stream().filter(name -> name.endsWith(".tmp")).toList();
  }

  private void age() throws IOException {
    for (String name : leftovers()) {
      Files.setLastModifiedTime(
          directory.resolve(name), FileTime.from(Instant.now().minusSeconds(100)));
    }
  }
}
