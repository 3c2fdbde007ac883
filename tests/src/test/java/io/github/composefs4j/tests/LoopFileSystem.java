package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A real file system of its own in a file, mounted through a loop device. Needs root. */
final class LoopFileSystem implements AutoCloseable {
  private final Path mountPoint;

  private LoopFileSystem(Path mountPoint) {
    this.mountPoint = mountPoint;
  }

  /**
   * Makes and mounts one.
   *
   * @param type {@code ext4}, {@code xfs} or {@code btrfs}
   * @param directory for its file and its mount point
   */
  static LoopFileSystem make(String type, Path directory, long megabytes) throws Exception {
    Requirements.root();
    Requirements.program("mkfs." + type);
    Path file = directory.resolve(type + ".img");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(megabytes << 20);
    }
    List<String> make =
        new ArrayList<>(List.of("mkfs." + type, type.equals("ext4") ? "-F" : "-f", "-q"));
    make.add(file.toString());
    assertRuns(make);
    Path mountPoint = Files.createDirectory(directory.resolve(type));
    assertRuns(List.of("mount", "-o", "loop", file.toString(), mountPoint.toString()));
    return new LoopFileSystem(mountPoint);
  }

  /** {@return a file system in memory with this much room} */
  static LoopFileSystem tmpfs(Path mountPoint, String options) throws Exception {
    Requirements.root();
    Files.createDirectory(mountPoint);
    assertRuns(List.of("mount", "-t", "tmpfs", "-o", options, "tmpfs", mountPoint.toString()));
    return new LoopFileSystem(mountPoint);
  }

  private static void assertRuns(List<String> command) throws IOException, InterruptedException {
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as("%s: %s", command, result.err()).isZero();
  }

  Path path() {
    return mountPoint;
  }

  /** Lazily: what a failed test left open does not matter. */
  @Override
  public void close() throws IOException {
    KernelMount.unmount(mountPoint, true);
  }
}
