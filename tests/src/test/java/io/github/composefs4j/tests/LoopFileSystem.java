package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A real file system of its own in a file, mounted through a loop device. Needs root. */
final class LoopFileSystem implements AutoCloseable {
  private final Path mountPoint;
  private boolean mounted = true;

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
    Path file = format(type, directory.resolve(type + ".img"), megabytes);
    return mount(file, Files.createDirectory(directory.resolve(type)));
  }

  /** {@return {@code file}, sparse, with an empty file system in it} */
  static Path format(String type, Path file, long megabytes) throws Exception {
    Requirements.root();
    Requirements.program("mkfs." + type);
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(megabytes << 20);
    }
    String force = type.equals("ext4") ? "-F" : "-f";
    assertRuns(List.of("mkfs." + type, force, "-q", file.toString()));
    return file;
  }

  /** Mounts what is in a file. */
  static LoopFileSystem mount(Path file, Path mountPoint, String... options) throws Exception {
    String all = String.join(",", Stream.concat(Stream.of("loop"), Stream.of(options)).toList());
    assertRuns(List.of("mount", "-o", all, file.toString(), mountPoint.toString()));
    return new LoopFileSystem(mountPoint);
  }

  /** {@return a file system in memory with this much room} */
  static LoopFileSystem tmpfs(Path mountPoint, String options) throws Exception {
    Requirements.root();
    Files.createDirectory(mountPoint);
    assertRuns(List.of("mount", "-t", "tmpfs", "-o", options, "tmpfs", mountPoint.toString()));
    return new LoopFileSystem(mountPoint);
  }

  static void assertRuns(List<String> command) throws IOException, InterruptedException {
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as("%s: %s%s", command, result.out(), result.err()).isZero();
  }

  Path path() {
    return mountPoint;
  }

  /** Unmounts, so that all is written and its file can be looked at; nothing may be open in it. */
  void unmount() throws IOException {
    KernelMount.unmount(mountPoint, false);
    mounted = false;
  }

  /** Lazily: what a failed test left open does not matter. */
  @Override
  public void close() throws IOException {
    if (mounted) {
      mounted = false;
      KernelMount.unmount(mountPoint, true);
    }
  }
}
