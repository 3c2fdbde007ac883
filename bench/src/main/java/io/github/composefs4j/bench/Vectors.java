package io.github.composefs4j.bench;

import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;

/**
 * Compares our images and object stores, byte for byte, with those of the C tools: all of ours in
 * this one process, one process of theirs for each. Also asks fsck.erofs and fsverity.
 */
public final class Vectors {
  /** Every so many-th image is also checked by fsck.erofs in all versions, and by fsverity. */
  private static final int CHECKED = 7;

  /** fsck.erofs recurses, and crashes in trees that are deep. */
  private static final int DEPTH_CHECKED = 1000;

  private final String mkcomposefs;
  private final Path work;
  private final AtomicInteger same = new AtomicInteger();
  private final AtomicInteger different = new AtomicInteger();
  private final AtomicInteger accepted = new AtomicInteger();
  private final AtomicInteger refusedV2 = new AtomicInteger();
  private final AtomicInteger measured = new AtomicInteger();

  private Vectors(String mkcomposefs, Path work) {
    this.mkcomposefs = mkcomposefs;
    this.work = work;
  }

  /** Arguments: mkcomposefs, dumps, seed, directory with random directories, where failures go. */
  public static void main(String[] args) throws Exception {
    Vectors vectors = new Vectors(args[0], Path.of(args[4]));
    long seed = Long.parseLong(args[2]);
    List<Callable<Void>> dumps = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
      int number = i;
      dumps.add(() -> vectors.dump(seed, number));
    }
    vectors.run("random dumps", dumps);
    System.out.println(
        "  fsck.erofs accepts "
            + vectors.accepted
            + " images of them in formats 0, 1 and 2, and refuses "
            + vectors.refusedV2
            + " of format 2; fsverity gives the same digest for "
            + vectors.measured);
    for (String kind : new String[] {"plain", "full"}) {
      List<Callable<Void>> directories = new ArrayList<>();
      try (Stream<Path> all = Files.list(Path.of(args[3]).resolve(kind))) {
        all.forEach(directory -> directories.add(() -> vectors.directory(kind, directory)));
      }
      vectors.run(
          kind.equals("plain")
              ? "random directories"
              : "with hard links, xattrs, sparse files, names that are not UTF-8",
          directories);
    }
    System.exit(vectors.different.get() == 0 ? 0 : 1);
  }

  private void run(String what, List<Callable<Void>> tasks) throws Exception {
    same.set(0);
    try (ExecutorService threads =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      for (Future<Void> task : threads.invokeAll(tasks)) {
        task.get();
      }
    }
    System.out.printf(
        "%s: %d of %d identical%n", what, same.get(), tasks.size());
  }

  private Void dump(long seed, int number) throws IOException, InterruptedException {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed + number);
    FileTree tree = number % 2 == 0 ? RandomTrees.usual(random) : RandomTrees.dumpable(random);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    DumpWriter.write(tree, text);
    byte[] dump = text.toByteArray();
    String[] versions =
        switch (number % 3) {
          case 0 -> new String[] {};
          case 1 -> new String[] {"--min-version=1"};
          default -> new String[] {"--max-version=0"};
        };
    ImageOptions options =
        switch (number % 3) {
          case 0 -> ImageOptions.DEFAULT;
          case 1 -> exactly(FormatVersion.V1);
          default -> exactly(FormatVersion.V0);
        };
    List<String> command = new ArrayList<>(List.of(mkcomposefs, "--from-file"));
    command.addAll(List.of(versions));
    command.addAll(List.of("-", "-"));
    byte[] theirs = output(command, dump);
    FileTree read = read(dump);
    judge("dump seed " + (seed + number), write(read, options), theirs, dump, number + ".dump");
    if (number % CHECKED == 0 && depth(read.root()) < DEPTH_CHECKED) {
      for (FormatVersion version : FormatVersion.values()) {
        check(read, version, number);
      }
    }
    return null;
  }

  private static int depth(Directory directory) {
    int depth = 0;
    for (Directory.Entry entry : directory.entries()) {
      if (entry.inode() instanceof Directory below) {
        depth = Math.max(depth, 1 + depth(below));
      }
    }
    return depth;
  }

  private static FileTree read(byte[] dump) throws IOException {
    return DumpReader.read(
        Channels.newChannel(new ByteArrayInputStream(dump)), "dump", DumpOptions.DEFAULT);
  }

  private static ImageOptions exactly(FormatVersion version) {
    return new ImageOptions(version, version, HashAlgorithm.SHA256);
  }

  private static byte[] write(FileTree tree, ImageOptions options) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageWriter.write(tree, options, Channels.newChannel(out));
    return out.toByteArray();
  }

  private void judge(String what, byte[] ours, byte[] theirs, byte[] input, String file)
      throws IOException {
    if (Arrays.equals(ours, theirs)) {
      same.incrementAndGet();
      return;
    }
    different.incrementAndGet();
    Path kept = Files.write(work.resolve(file), input);
    System.out.println("different: " + what + (theirs.length == 0 ? " (refused)" : "") + ": " + kept);
  }

  /** The image of a tree before fsck.erofs, and its digest beside that of fsverity. */
  private void check(FileTree tree, FormatVersion version, int number)
      throws IOException, InterruptedException {
    Path image = work.resolve(number + "." + version + ".cfs");
    String digest;
    try (var out = Files.newOutputStream(image)) {
      var summary = ImageWriter.write(tree, exactly(version), Channels.newChannel(out));
      digest = summary.digest().hex();
    } catch (InvalidTreeException e) {
      Files.delete(image);
      return; // V2 cannot hold all trees
    }
    boolean keep = false;
    if (status("fsck.erofs", image.toString()) == 0) {
      accepted.incrementAndGet();
    } else if (version == FormatVersion.V2) {
      refusedV2.incrementAndGet(); // its rules let a symlink's target end with its block
    } else {
      different.incrementAndGet();
      keep = true;
      System.out.println("refused by fsck.erofs: " + image);
    }
    String theirs =
        new String(
            output(List.of("fsverity", "digest", "--compact", image.toString()), new byte[0]),
            StandardCharsets.US_ASCII);
    if (theirs.strip().equals(digest)) {
      measured.incrementAndGet();
    } else {
      different.incrementAndGet();
      System.out.println("fsverity says " + theirs.strip() + " of " + image);
    }
    if (!keep) {
      Files.delete(image);
    }
  }

  private Void directory(String kind, Path directory) throws IOException, InterruptedException {
    Path theirStore = work.resolve(kind + directory.getFileName() + ".theirs");
    Path ourStore = work.resolve(kind + directory.getFileName() + ".ours");
    byte[] theirs =
        output(
            List.of(mkcomposefs, "--digest-store=" + theirStore, directory.toString(), "-"),
            new byte[0]);
    ScanOptions all = ScanOptions.defaults();
    ScanOptions options =
        new ScanOptions(all.threads(), all.algorithm(), all.xattrs(), false, false, false);
    FileTree tree;
    Platform platform = Platform.best();
    try (LocalObjectStore store =
        LocalObjectStore.open(platform, ourStore, HashAlgorithm.SHA256)) {
      tree = Scanner.scan(platform, directory, false, options, store, ScanProgress.NONE);
    }
    byte[] ours = write(tree, ImageOptions.DEFAULT);
    if (Arrays.equals(ours, theirs) && !content(ourStore).equals(content(theirStore))) {
      different.incrementAndGet();
      System.out.println("different stores: " + ourStore + " " + theirStore);
      return null;
    }
    judge(directory.toString(), ours, theirs, ours, kind + directory.getFileName() + ".cfs");
    return null;
  }

  /** Names and sizes: the names are the digests. */
  private static List<String> content(Path store) throws IOException {
    List<String> files = new ArrayList<>();
    if (!Files.exists(store)) {
      return files;
    }
    try (Stream<Path> all = Files.walk(store)) {
      for (Path path : (Iterable<Path>) all.sorted()::iterator) {
        if (!Files.isDirectory(path)) {
          files.add(
              store.relativize(path)
                  + " "
                  + Files.size(path)
                  + " "
                  + Files.getAttribute(path, "unix:mode"));
        }
      }
    }
    return files;
  }

  /** {@return what a command writes, nothing if it fails} */
  private static byte[] output(List<String> command, byte[] input)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    Thread writer =
        Thread.ofVirtual()
            .start(
                () -> {
                  try (var in = process.getOutputStream()) {
                    in.write(input);
                  } catch (IOException e) {
                    // it ended before it had read all: its status says why
                  }
                });
    byte[] output;
    try (InputStream out = process.getInputStream()) {
      output = out.readAllBytes();
    }
    writer.join();
    return process.waitFor() == 0 ? output : new byte[0];
  }

  private static int status(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      return -1;
    }
    return process.exitValue();
  }
}
