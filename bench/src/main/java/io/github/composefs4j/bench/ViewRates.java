package io.github.composefs4j.bench;

import com.sun.management.OperatingSystemMXBean;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verified.MerkleTrees;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.Stream;

/**
 * Verified reading beside plain reading of the same cached file, and a cached {@code find} on a
 * kernel mount to hold {@link WalkBenchmark} against: in turn, medians. The mount needs root.
 */
public final class ViewRates {
  private static final int BUFFER = 1 << 20;

  /** What all threads together took, by row and round: on a busy machine, trust this more. */
  private static double[][] processor = {};

  private ViewRates() {}

  /** Arguments: a directory to work in, MiB of the object, rounds. */
  public static void main(String[] args) throws Exception {
    Path directory = Files.createTempDirectory(Path.of(args[0]), "views");
    try {
      reading(directory, Integer.parseInt(args[1]), Integer.parseInt(args[2]));
      mounting(directory);
      finding(directory, Integer.parseInt(args[2]));
    } finally {
      try (Stream<Path> all = Files.walk(directory)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private interface Opener {
    ObjectReader open() throws IOException;
  }

  private static void reading(Path directory, int mebibytes, int rounds) throws IOException {
    Path file = directory.resolve("object");
    byte[] part = new byte[BUFFER];
    Random random = new Random(1);
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int i = 0; i < mebibytes; i++) {
        random.nextBytes(part);
        out.write(java.nio.ByteBuffer.wrap(part));
      }
    }
    long size = Files.size(file);
    Digest digest;
    try (ObjectReader plain = plain(file)) {
      digest =
          VerityDigests.digest(
              plain::read, size, HashAlgorithm.SHA256, 4096, ForkJoinPool.commonPool(), 2);
    }
    Path trees = Files.createDirectory(directory.resolve("trees"));
    VerifyOptions options = VerifyOptions.defaults();
    try (VerifiedReader keeping =
        new Verifier(options.withSideCars(MerkleTrees.in(trees, true)))
            .open(plain(file), digest, "object")) {
      keeping.size();
    }
    Verifier copying = new Verifier(options.withMemory(VerifyOptions.HASH_BYTES, 3 * size));
    Verifier warm = new Verifier(options);
    double[][] seconds = new double[6][rounds];
    processor = new double[6][rounds];
    for (int round = -2; round < rounds; round++) {
      int at = Math.max(0, round);
      seconds[0][at] = sequential(0, at, () -> plain(file));
      seconds[1][at] =
          sequential(1, at, () -> new Verifier(options).open(plain(file), digest, "first"));
      VerifyOptions withTree = options.withSideCars(MerkleTrees.in(trees, false));
      seconds[2][at] =
          sequential(2, at, () -> new Verifier(withTree).open(plain(file), digest, "side-car"));
      seconds[3][at] = sequential(3, at, () -> warm.open(plain(file), digest, "known"));
      seconds[4][at] = sequential(4, at, () -> copying.open(plain(file), digest, "copied"));
      seconds[5][at] = check(file, digest, options);
    }
    double base = median(seconds[0]);
    System.out.printf("%d MiB in reads of 1 MiB, cached; medians of %d%n", mebibytes, rounds);
    String[] names = {
      "plain",
      "verified, first time, without side-car",
      "verified, first time, with side-car",
      "verified, later, hashed again",
      "verified, later, from a private copy",
      "checked as a whole, nothing kept"
    };
    for (int i = 0; i < names.length; i++) {
      double median = median(seconds[i]);
      System.out.printf(
          "%-40s %6.3f s  %5.2f GB/s  %5.2f x  %6.3f s of the processors%n",
          names[i], median, size / median / 1e9, median / base, median(processor[i]));
    }
  }

  private static long cpu() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }

  private static ObjectReader plain(Path file) throws IOException {
    return ObjectReader.of(FileChannel.open(file));
  }

  private static double sequential(int row, int round, Opener opener) throws IOException {
    byte[] buffer = new byte[BUFFER];
    long cpu = cpu();
    long start = System.nanoTime();
    try (ObjectReader reader = opener.open()) {
      long position = 0;
      int read;
      while ((read = reader.read(position, buffer, 0, buffer.length)) > 0) {
        position += read;
      }
    }
    processor[row][round] = (cpu() - cpu) / 1e9;
    return (System.nanoTime() - start) / 1e9;
  }

  private static double check(Path file, Digest digest, VerifyOptions options) throws IOException {
    long start = System.nanoTime();
    try (VerifiedReader reader = new Verifier(options).open(plain(file), digest, "whole")) {
      reader.check();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  /** Mounts of images of several sizes, in turn. */
  private static void mounting(Path directory) throws IOException {
    int[] inodes = {1_000, 50_000, 500_000};
    Path objects = Files.createDirectory(directory.resolve("no-objects"));
    Path mount = Files.createDirectory(directory.resolve("mounts"));
    List<Path> images = new ArrayList<>();
    for (int each : inodes) {
      images.add(image(directory, each));
    }
    double[][] mounts = new double[inodes.length][300];
    for (int i = -100; i < mounts[0].length; i++) {
      for (int j = 0; j < inodes.length; j++) {
        long start = System.nanoTime();
        KernelMount.mount(MountOptions.of(images.get(j), List.of(objects)), mount);
        mounts[j][Math.max(0, i)] = (System.nanoTime() - start) / 1e6;
        KernelMount.unmount(mount, false);
      }
    }
    double base = median(mounts[0]);
    for (int j = 0; j < inodes.length; j++) {
      System.out.printf(
          "kernel mount of %d inodes in a warm JVM: %.3f ms, %.2f x%n",
          inodes[j], median(mounts[j]), median(mounts[j]) / base);
    }
  }

  private static Path image(Path directory, int inodes) throws IOException {
    Path image = directory.resolve(inodes + ".cfs");
    try (FileChannel out =
        FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ImageWriter.write(WalkBenchmark.tree(inodes), ImageOptions.DEFAULT, out);
    }
    return image;
  }

  private static void finding(Path directory, int rounds) throws Exception {
    Path image = directory.resolve("50000.cfs");
    Path objects = Files.createDirectory(directory.resolve("objects"));
    Path mount = Files.createDirectory(directory.resolve("mount"));
    KernelMount.mount(MountOptions.of(image, List.of(objects)), mount);
    double[] names = new double[rounds];
    double[] sizes = new double[rounds];
    try {
      for (int round = -1; round < rounds; round++) {
        names[Math.max(0, round)] = find(mount, "-print0");
        sizes[Math.max(0, round)] = find(mount, "-printf", "%s\\n");
      }
    } finally {
      KernelMount.unmount(mount, false);
    }
    System.out.printf(
        "cached find of 50000 inodes on a kernel mount: %.1f ms, with sizes %.1f ms%n",
        median(names) * 1000, median(sizes) * 1000);
  }

  private static double find(Path mount, String... action) throws Exception {
    List<String> command = new ArrayList<>(List.of("find", mount.toString()));
    command.addAll(List.of(action));
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    if (process.waitFor() != 0) {
      throw new IOException("find failed");
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
