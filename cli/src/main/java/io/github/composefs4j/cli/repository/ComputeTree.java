package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.transform.FileContents;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code compute-id}, {@code compute-karg}, {@code create-dumpfile}: what the image of a directory
 * would be. Nothing is stored. Algorithm and format are those of the repository, if there is one
 * (repository.md, section 12).
 */
final class ComputeTree extends RepositoryCommand {
  /** What is printed. */
  enum Print {
    ID("compute-id", "print the digest that the image of a directory would have"),
    KERNEL_ARGUMENT("compute-karg", "print the kernel argument of a directory's bootable image"),
    DUMP("create-dumpfile", "print the dump of a directory's tree");

    private final String command;
    private final String summary;

    Print(String command, String summary) {
      this.command = command;
      this.summary = summary;
    }
  }

  private final Print print;
  private final TreeOptions trees = new TreeOptions();
  private final ScanCache cache = new ScanCache();

  ComputeTree(Print print) {
    this.print = print;
  }

  @Override
  Definition own() {
    return cache.addTo(
        trees.addTo(
            Definition.command(print.command, print.summary), print == Print.KERNEL_ARGUMENT));
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    HashAlgorithm hash = repository.hash() == null ? HashAlgorithm.SHA512 : repository.hash();
    FormatVersion format = repository.format() == null ? FormatVersion.V1 : repository.format();
    FileTree tree;
    try (Repository open = repository.openIfThere()) {
      if (open != null) {
        hash = open.algorithm();
        format = open.formats().getFirst();
      }
      tree = scan(Arguments.path(operands.getFirst()), hash, open, console);
    }
    if (print == Print.DUMP) {
      DumpWriter.write(tree, DumpWriter.Links.BARE, console.out());
      return 0;
    }
    Digest digest =
        ImageWriter.write(
                tree,
                ImageOptions.of(format).withDigest(hash),
                Channels.newChannel(OutputStream.nullOutputStream()))
            .digest();
    if (digest == null) {
      throw new IllegalStateException("a digest was asked for");
    }
    console.println(print == Print.ID ? digest.hex() : kernelArgument(digest, format));
    return 0;
  }

  /** Of format 0 too the argument says 1: one reader serves both. */
  private static String kernelArgument(Digest digest, FormatVersion format) {
    return format == FormatVersion.V2
        ? "composefs=" + digest.hex()
        : "composefs.digest=v1-" + digest.algorithm().label() + "-12:" + digest.hex();
  }

  /** An index is of use where there is a repository that may have the objects. */
  private FileTree scan(
      Path directory, HashAlgorithm hash, @Nullable Repository open, Console console)
      throws IOException {
    Platform platform = Host.platform();
    ScanIndex index = open == null ? null : cache.load(hash);
    try (Progress progress = new Progress(console);
        Repository.Hold _ = open == null ? () -> {} : open.hold()) {
      FileTree tree =
          Scanner.scan(
              platform,
              directory,
              true,
              ScanOptions.defaults().withAlgorithm(hash),
              null,
              index,
              index == null || open == null ? null : open.objects(),
              (entries, bytes) -> progress.show("reading files", entries, bytes));
      ScanCache.save(index);
      return trees.apply(tree, FileContents.of(platform, directory));
    }
  }
}
