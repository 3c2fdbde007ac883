package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Object directories that processes share, and that share extents with their sources. */
class SharedStoreTest {
  private static final int PROCESSES = 8;
  private static final int KILLED = 3;

  /** Rounds of the store that many processes fill; more by hand. */
  private static final int ROUNDS = Integer.getInteger("test.store.rounds", 1);

  @TempDir Path directory;

  /** Checks that every file below a store is a whole object under the right name. */
  static int assertSound(Path store) throws IOException {
    int objects = 0;
    try (Stream<Path> files = Files.walk(store)) {
      for (Path file : files.filter(path -> !Files.isDirectory(path)).toList()) {
        String name = "" + file.getParent().getFileName() + file.getFileName();
        assertThat(VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(file)).hex())
            .as("content of %s", file)
            .isEqualTo(name);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .isEqualTo("rw-r--r--");
        objects++;
      }
    }
    return objects;
  }

  /** Trees of which each has a third of the next one's files; the last of the first's. */
  private List<Path> overlappingTrees(Random random) throws IOException {
    List<byte[]> contents = new ArrayList<>();
    for (int i = 0; i < 60 * PROCESSES; i++) {
      byte[] content = new byte[65 + random.nextInt(random.nextInt(20) == 0 ? 3_000_000 : 30_000)];
      random.nextBytes(content);
      contents.add(content);
    }
    List<Path> trees = new ArrayList<>();
    for (int tree = 0; tree < PROCESSES; tree++) {
      Path root = Files.createDirectories(directory.resolve("trees/" + tree));
      for (int i = 0; i < 90; i++) {
        Files.write(root.resolve("f" + i), contents.get((tree * 60 + i) % contents.size()));
      }
      trees.add(root);
    }
    return trees;
  }

  @Test
  void eightProcessesFillOneStoreAndThreeAreKilled() throws Exception {
    Random random = new Random(1);
    List<Path> trees = overlappingTrees(random);
    Path alone = directory.resolve("alone");
    assertThat(fill(alone, directory.resolve("trees")).start().waitFor()).isZero();
    long took = 0;
    for (int round = 0; round < ROUNDS; round++) {
      Path shared = directory.resolve("shared" + round);
      Process[] processes = new Process[PROCESSES + KILLED];
      long started = System.nanoTime();
      for (int i = 0; i < processes.length; i++) {
        processes[i] = fill(shared, trees.get(i % PROCESSES)).start();
      }
      // The first three trees have two processes each, of which one is killed at some moment.
      long longest = Math.max(500, TimeUnit.NANOSECONDS.toMillis(took));
      for (int i = 0; i < KILLED; i++) {
        Thread.sleep(random.nextLong(longest / KILLED));
        processes[i].destroyForcibly();
      }
      for (int i = KILLED; i < processes.length; i++) {
        assertThat(processes[i].waitFor()).isZero();
      }
      took = System.nanoTime() - started;
      assertThat(Tool.run("diff", "-r", alone.toString(), shared.toString()).out()).isEmpty();
      assertThat(assertSound(shared)).isEqualTo(60 * PROCESSES);
      Tool.run("rm", "-r", shared.toString());
    }
    System.out.println(ROUNDS + " stores filled by " + PROCESSES + " processes, 3 killed");
  }

  private static ProcessBuilder fill(Path store, Path source) {
    return new ProcessBuilder(
            Tool.command(
                "mkcomposefs", "--digest-store=" + store, "--print-digest-only", source.toString()))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD);
  }

  @ParameterizedTest
  @ValueSource(strings = {"xfs", "btrfs"})
  void sourceAndObjectShareExtents(String type) throws Exception {
    Requirements.program("filefrag");
    try (LoopFileSystem system = LoopFileSystem.make(type, directory, 320)) {
      Path source = Files.createDirectory(system.path().resolve("source"));
      Path store = system.path().resolve("store");
      for (int size : new int[] {20_000, 1 << 20, (1 << 20) + 1, 20 << 20}) {
        byte[] content = new byte[size];
        new Random(size).nextBytes(content);
        Files.write(source.resolve("f" + size), content);
      }
      assertThat(fill(store, source).start().waitFor()).isZero();
      assertThat(assertSound(store)).isEqualTo(4);
      try (Stream<Path> files = Files.walk(store)) {
        for (Path object : files.filter(Files::isRegularFile).toList()) {
          List<String> extents = extents(object);
          assertThat(extents).isNotEmpty();
          assertThat(extents(source.resolve("f" + Files.size(object))))
              .as("extents of %d bytes on %s", Files.size(object), type)
              .isEqualTo(extents);
        }
      }
    }
  }

  private static List<String> extents(Path file) throws Exception {
    Tool.Result result = Tool.run("filefrag", "-v", file.toString());
    assertThat(result.status()).as(result.err()).isZero();
    Matcher extent =
        Pattern.compile(
                "^ +\\d+: +(\\d+\\.\\. +\\d+): +(\\d+\\.\\. +\\d+):.*shared", Pattern.MULTILINE)
            .matcher(result.out());
    List<String> extents = new ArrayList<>();
    while (extent.find()) {
      extents.add(extent.group(1) + " at " + extent.group(2));
    }
    return extents;
  }

  @Test
  void theStoreMayBeOnAnotherFileSystem() throws Exception {
    Path source = Files.createDirectory(directory.resolve("source"));
    Files.write(source.resolve("small"), new byte[5000]);
    Files.write(source.resolve("large"), new byte[3_000_000]);
    try (LoopFileSystem tmpfs = LoopFileSystem.tmpfs(directory.resolve("tmpfs"), "size=8m")) {
      Path store = tmpfs.path().resolve("deep/store");
      assertThat(fill(store, source).start().waitFor()).isZero();
      assertThat(assertSound(store)).isEqualTo(2);
    }
  }

  @Test
  void directoriesHaveTheModeThatTheUmaskLeaves() throws Exception {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    Files.writeString(empty.resolve("inline"), "inline");
    Path store = directory.resolve("a/b");
    assertThat(fill(store, empty).start().waitFor()).isZero();
    assertThat(directory.resolve("a")).as("nothing qualifies: not even DIR").doesNotExist();
    Files.write(empty.resolve("external"), new byte[100]);
    List<String> command = new ArrayList<>(List.of("sh", "-c", "umask 0; \"$@\"", "sh"));
    command.addAll(
        Tool.command(
            "mkcomposefs", "--digest-store=" + store, "--print-digest-only", empty.toString()));
    assertThat(Tool.run(command).err()).isEmpty();
    Tool.Result modes = Tool.run("find", directory + "/a", "-type", "d", "-printf", "%m ");
    assertThat(modes.out()).isEqualTo("755 755 755 ");
    Tool.run("rm", "-r", directory + "/a");
    command.set(2, "umask 027; \"$@\"");
    assertThat(Tool.run(command).err()).isEmpty();
    modes = Tool.run("find", directory + "/a", "-type", "d", "-printf", "%m ");
    assertThat(modes.out()).isEqualTo("750 750 750 ");
    assertThat(assertSound(store)).isEqualTo(1);
  }
}
