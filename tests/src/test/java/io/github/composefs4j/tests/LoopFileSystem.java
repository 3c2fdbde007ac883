package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A real file system of its own in a file, mounted through a loop device. Needs root. */
final class LoopFileSystem implements AutoCloseable {
  private static final int RELEASE_SECONDS = 300;

  private final Path mountPoint;

  /** What it lies in, or null if that is memory. */
  private final @Nullable Path file;

  private boolean mounted = true;

  private LoopFileSystem(Path mountPoint, @Nullable Path file) {
    this.mountPoint = mountPoint;
    this.file = file;
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
    return new LoopFileSystem(mountPoint, file);
  }

  /** {@return a file system in memory with this much room} */
  static LoopFileSystem tmpfs(Path mountPoint, String options) throws Exception {
    Requirements.root();
    Files.createDirectory(mountPoint);
    assertRuns(List.of("mount", "-t", "tmpfs", "-o", options, "tmpfs", mountPoint.toString()));
    return new LoopFileSystem(mountPoint, null);
  }

  static void assertRuns(List<String> command) throws IOException, InterruptedException {
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as("%s: %s%s", command, result.out(), result.err()).isZero();
  }

  Path path() {
    return mountPoint;
  }

  /** Unmounts, so that all is written and its file can be looked at; nothing may be open in it. */
  void unmount() throws IOException, InterruptedException {
    KernelMount.unmount(mountPoint, false);
    mounted = false;
    // A process in a mount namespace of its own may have a copy of the mount for a while.
    for (int i = 0; i < RELEASE_SECONDS * 10 && isInUse(); i++) {
      Thread.sleep(100);
    }
    assertThat(isInUse()).as("%s is still mounted somewhere", file).isFalse();
  }

  private boolean isInUse() throws IOException {
    return device().isPresent();
  }

  /** {@return how many bytes have been read from the device so far: content and metadata} */
  long bytesRead() throws IOException {
    String[] counts = Files.readString(device().orElseThrow().resolve("stat")).strip().split(" +");
    return Long.parseLong(counts[2]) * 512; // sectors: Documentation/block/stat.rst
  }

  /** {@return the entry in /sys/block of the loop device that has the file} */
  private Optional<Path> device() throws IOException {
    try (Stream<Path> devices = Files.list(Path.of("/sys/block"))) {
      for (Path device : devices.toList()) {
        Path backing = device.resolve("loop/backing_file");
        try {
          if (file != null && Files.readString(backing).strip().equals(file.toString())) {
            return Optional.of(device);
          }
        } catch (IOException e) {
          // no loop device, or none any more
        }
      }
    }
    return Optional.empty();
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
