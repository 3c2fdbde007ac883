package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Images with the same objects have one copy of them in memory, if the kernel reads the objects.
 */
@Timeout(900)
class SharedPageCacheTest {
  private static final int FILES = 12;
  private static final int SIZE = 1 << 20;

  /** A process of its own reads all files of a directory. */
  private static final String READER =
      """
      import os, sys
      for name in sorted(os.listdir(sys.argv[1])):
          with open(os.path.join(sys.argv[1], name), 'rb') as f:
              while f.read(1 << 20): pass
      """;

  /**
   * What a second reading may take from the disk. None of it is content, but a machine short of
   * memory drops blocks of metadata (inodes, extents) when it likes.
   */
  private static final long METADATA = 64 << 10;

  @TempDir Path scratch;
  private final List<MountedView> views = new ArrayList<>();

  @AfterEach
  void unmount() throws IOException {
    for (MountedView view : views) {
      view.close();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = MountMode.class,
      names = {"KERNEL", "PASSTHROUGH", "OVERLAY"})
  void theSecondImageReadsWithoutDiskAndTakesNoMemory(MountMode mode) throws Exception {
    Requirements.root();
    Requirements.program("fincore");
    Requirements.program("python3");
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    try (LoopFileSystem disk = LoopFileSystem.make("ext4", scratch, 100)) {
      Path objects = disk.path().resolve("objects");
      Path[] targets = new Path[2];
      byte[] content = new byte[SIZE];
      for (int i = 0; i < 2; i++) {
        Path source = Files.createDirectory(scratch.resolve("source" + i));
        for (int j = 0; j < FILES; j++) {
          new Random(j).nextBytes(content);
          Files.write(source.resolve("shared" + j + " of " + i), content);
        }
        Path image = scratch.resolve(i + ".cfs");
        Tool.Result made =
            Tool.composefs(
                "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
        assertThat(made.status()).as(made.err()).isZero();
        targets[i] = Files.createDirectory(scratch.resolve("mnt" + i));
        views.add(
            Mounts.mount(ViewOptions.of(image, List.of(objects)).with(mode, null), targets[i]));
      }
      drop(objects);
      assertThat(resident(objects)).as("dropped").isLessThan(SIZE);
      long unique = (long) FILES * SIZE;
      long first = fromDisk(disk, targets[0]);
      long held = resident(objects);
      if (mode != MountMode.PASSTHROUGH) { // where the server reads all when it is opened, to check
        assertThat(first).as("the first reads").isGreaterThan(unique / 2);
      }
      assertThat(fromDisk(disk, targets[1])).as("the second reads").isLessThan(METADATA);
      assertThat(resident(objects)).isBetween(unique * 9 / 10, held * 11 / 10);
      for (MountedView view : views) {
        assertThat(view.statistics().bytes()).as("content through the server").isZero();
      }
    }
  }

  private static long fromDisk(LoopFileSystem disk, Path directory) throws Exception {
    long before = disk.bytesRead();
    Tool.Result read = Tool.run("python3", "-c", READER, directory.toString());
    assertThat(read.err()).isEmpty();
    return disk.bytesRead() - before;
  }

  /** Drops what is in memory of files; what is written must be on disk for that. */
  private static void drop(Path directory) throws Exception {
    assertThat(Tool.run("sync", "-f", directory.toString()).status()).isZero();
    for (Path file : files(directory)) {
      assertThat(Tool.run("dd", "if=" + file, "iflag=nocache", "count=0", "status=none").status())
          .isZero();
    }
  }

  private static long resident(Path directory) throws Exception {
    List<String> command = new ArrayList<>(List.of("fincore", "-b", "-n", "-r", "-o", "RES"));
    files(directory).forEach(file -> command.add(file.toString()));
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as(result.err()).isZero();
    return new String(result.outBytes(), StandardCharsets.US_ASCII)
        .lines()
        .mapToLong(line -> Long.parseLong(line.strip()))
        .sum();
  }

  private static List<Path> files(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }
}
