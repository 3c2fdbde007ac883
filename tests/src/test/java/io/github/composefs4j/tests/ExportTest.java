package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.export.TreeExport;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeAssert;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Directory → image → directory gives the same directory. */
class ExportTest {
  @TempDir Path directory;

  private final Platform platform = Platform.best();

  private FileTree scan(Path root, LocalObjectStore store) throws IOException {
    return Scanner.scan(platform, root, true, ScanOptions.defaults(), store, ScanProgress.NONE);
  }

  private static void succeed(String... command) throws Exception {
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as(result.err()).isZero();
  }

  /** The sample tree, with a file of holes and one of several blocks more. */
  private Path source(Path below) throws Exception {
    Path root = Files.createDirectory(below.resolve("source"));
    Path tar = Files.write(directory.resolve("tree.tar"), Vectors.bytes("repositories/tree.tar"));
    succeed(
        "tar",
        "-C",
        root.toString(),
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        "--numeric-owner",
        "-xpf",
        tar.toString());
    try (FileChannel sparse =
        FileChannel.open(
            root.resolve("var/sparse"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      sparse.write(java.nio.ByteBuffer.wrap(new byte[] {1, 2, 3}), 3_000_000);
      sparse.write(java.nio.ByteBuffer.wrap(new byte[] {4, 0}), 7_999_998);
    }
    byte[] content = new byte[3_000_001];
    new Random(1).nextBytes(content);
    Files.write(root.resolve("usr/large"), content);
    return root;
  }

  private long roundTrip(Path below) throws Exception {
    Path source = source(below);
    Path target = below.resolve("target");
    try (LocalObjectStore store =
        LocalObjectStore.open(platform, below.resolve("objects"), HashAlgorithm.SHA256)) {
      FileTree before = scan(source, store);
      byte[] image = TestImages.write(before, ImageOptions.of(FormatVersion.V1));
      FileTree inImage;
      try (ErofsImage open = TestImages.open(image)) {
        inImage = open.toTree();
      }
      TreeExport.Result result =
          TreeExport.write(inImage, platform, target, store, TreeExport.Metadata.COMPLETE);
      assertThat(result.skipped()).isZero();
      FileTree after = scan(target, null);
      TreeAssert.assertSame(before, after);
      assertThat(TestImages.write(after, ImageOptions.of(FormatVersion.V1))).isEqualTo(image);
      assertThat(blocks(target.resolve("var/sparse"))).isLessThan(64);
      assertThatThrownBy(() ->
              TreeExport.write(inImage, platform, target, store, TreeExport.Metadata.COMPLETE))
          .hasMessageContaining("is not empty");
      return result.cloned();
    }
  }

  private static int blocks(Path file) throws Exception {
    return Integer.parseInt(Tool.run("stat", "-c", "%b", file.toString()).out().strip());
  }

  @Test
  void givesTheSameTree() throws Exception {
    Requirements.root();
    roundTrip(directory);
  }

  @Test
  void sharesBlocksWhereTheFileSystemCan() throws Exception {
    Requirements.root();
    Requirements.program("mkfs.xfs");
    Path file = directory.resolve("xfs");
    Path mounted = Files.createDirectory(directory.resolve("mounted"));
    succeed("truncate", "-s", "400M", file.toString());
    succeed("mkfs.xfs", "-q", "-m", "reflink=1", file.toString());
    succeed("mount", "-o", "loop", file.toString(), mounted.toString());
    try {
      assertThat(roundTrip(mounted)).isPositive();
    } finally {
      succeed("umount", mounted.toString());
    }
  }

  @Test
  void aDamagedObjectLeavesNothing() throws Exception {
    Requirements.root();
    Path source = source(directory);
    Path objects = directory.resolve("objects");
    Path target = directory.resolve("target");
    try (LocalObjectStore store = LocalObjectStore.open(platform, objects, HashAlgorithm.SHA256)) {
      FileTree tree = scan(source, store);
      try (Stream<Path> files = Files.walk(objects)) {
        Path large = files.filter(file -> file.toFile().length() == 3_000_001).findAny().get();
        try (FileChannel channel = FileChannel.open(large, StandardOpenOption.WRITE)) {
          channel.write(java.nio.ByteBuffer.wrap(new byte[] {0}), 2_999_999);
          channel.write(java.nio.ByteBuffer.wrap(new byte[] {1}), 2_999_998);
        }
      }
      assertThatThrownBy(
              () -> TreeExport.write(tree, platform, target, store, TreeExport.Metadata.COMPLETE))
          .isInstanceOf(DigestMismatchException.class);
      assertThat(target).isEmptyDirectory();
    }
  }

  /** Whenever the signal comes: the tree is there as a whole, or nothing of it. */
  @Test
  void leavesNothingWhenItIsInterrupted() throws Exception {
    Path many = Files.createDirectories(directory.resolve("many/below"));
    int files = 3000;
    for (int i = 0; i < files; i++) {
      Files.writeString(many.resolve("f" + i), ("content " + i + " ").repeat(100));
    }
    Path image = directory.resolve("many.cfs");
    Path objects = directory.resolve("many.objects");
    succeed(
        Tool.command(
                "mkcomposefs",
                "--digest-store=" + objects,
                many.getParent().toString(),
                image.toString())
            .toArray(String[]::new));
    Path target = directory.resolve("exported");
    List<String> export =
        Tool.interruptible(
            Tool.command(
                "composefs",
                "export",
                "--as-allowed",
                "--basedir=" + objects,
                image.toString(),
                target.toString()));
    for (String signal : List.of("INT", "TERM", "INT", "TERM")) {
      Process process = new ProcessBuilder(export).start();
      while (process.isAlive() && !Files.exists(target.resolve("below/f1"))) {
        Thread.sleep(1);
      }
      Tool.run("kill", "-" + signal, Long.toString(process.pid()));
      int status = process.waitFor();
      assertThat(status).isIn(0, signal.equals("INT") ? 130 : 143);
      if (status == 0 || Files.exists(target.resolve("below"))) {
        try (Stream<Path> all = Files.list(target.resolve("below"))) {
          assertThat(all).hasSize(files);
        }
        succeed("rm", "-r", target.toString());
      } else {
        assertThat(target).isEmptyDirectory();
      }
    }
  }
}
