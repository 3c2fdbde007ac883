package io.github.composefs4j.cli.images;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.ImageFile;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageSummary;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code mkcomposefs}: a directory or a dump becomes an image, and an object directory is filled
 * (dump-format.md 13.1).
 */
public final class Mkcomposefs implements Command {
  private @Nullable Path digestStore;
  private boolean useEpoch;
  private boolean skipDevices;
  private boolean skipXattrs;
  private boolean userXattrs;
  private boolean printDigest;
  private boolean digestOnly;
  private boolean fromFile;
  private boolean noHardLinks;
  private boolean noSync;
  private int minVersion = -1;
  private int maxVersion = -1;
  private int formatVersion = -1;
  private int threads = Runtime.getRuntime().availableProcessors();
  private HashAlgorithm hash = HashAlgorithm.SHA256;

  @Override
  public Definition definition() {
    return Definition.dropIn(
            Grammar.GETOPT, "mkcomposefs", "make a composefs image of a directory or a dump")
        .operand("SOURCE", "a directory, or with --from-file a dump")
        .optional("IMAGE", "the image to write; - is standard output")
        .option("digest-store", "DIR", "store the content of files as objects in DIR", this::store)
        .flag("use-epoch", "make all times 0", () -> useEpoch = true)
        .flag("skip-devices", "leave out block and character devices", () -> skipDevices = true)
        .flag("skip-xattrs", "read no extended attributes", () -> skipXattrs = true)
        .flag("user-xattrs", "read only extended attributes of users", () -> userXattrs = true)
        .flag("print-digest", "print the image's fs-verity digest", () -> printDigest = true)
        .flag("print-digest-only", "print the digest and write no image", () -> digestOnly = true)
        .flag("from-file", "SOURCE is a dump; - is standard input", () -> fromFile = true)
        .option(
            "min-version",
            "N",
            "the lowest format version, 0 or 1",
            v -> minVersion = Arguments.number("--min-version", v, 0))
        .option(
            "max-version",
            "N",
            "the highest format version, 0 or 1: 0 is raised to it if there are whiteouts",
            v -> maxVersion = Arguments.number("--max-version", v, 0))
        .option(
            "threads",
            "N",
            "how many files are read at once; as many as processors if it is not given",
            v -> threads = Arguments.number("--threads", v, 1))
        .option(
            "format-version",
            "0|1|2",
            "write exactly this format version",
            v -> formatVersion = Arguments.number("--format-version", v, 0))
        .option(
            "hash",
            "sha256|sha512",
            "the algorithm of content and image digests",
            v -> hash = Arguments.algorithm(v))
        .flag("no-hardlinks", "make a file of its own of every name", () -> noHardLinks = true)
        .flag("no-sync", "do not make the object directory durable", () -> noSync = true)
        .describe(
            "The image holds names and metadata, and the content of files up to 64 bytes. Larger"
                + " files are represented by their fs-verity digests; their content is found in an"
                + " object directory, which --digest-store fills.")
        .describe(
            "A regular IMAGE is written beside its name and renamed when it is complete: after any"
                + " failure, or an interruption, an old file is untouched and a new one absent."
                + " Pipes and devices are written in place.")
        .describe(
            "The environment variable CFS_PARSE_STRICT, with any value, makes the reader of dumps"
                + " strict; POSIXLY_CORRECT ends options at the first operand.");
  }

  private void store(String directory) throws UsageException {
    digestStore = Arguments.path(directory.isEmpty() ? "." : directory);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String usage = "; usage: " + definition().usage();
    if (operands.isEmpty()) {
      throw new UsageException("no source path" + usage);
    }
    String source = operands.getFirst();
    if (source.isEmpty()) {
      throw new UsageException("empty source path");
    }
    if (operands.size() > 2) {
      throw new UsageException("too many arguments" + usage);
    }
    if (digestOnly == (operands.size() == 2)) {
      throw new UsageException(
          digestOnly ? "no image may be named with --print-digest-only" : "no image path" + usage);
    }
    String image = digestOnly ? "" : operands.get(1);
    if (image.equals("-") && console.outIsTerminal()) {
      throw new UsageException("standard output is a terminal; refusing to write an image to it");
    }
    if (!digestOnly && image.isEmpty()) {
      throw new UsageException("empty image path");
    }
    ImageOptions options = imageOptions();
    ImageFile file = digestOnly || image.equals("-") ? null : ImageFile.at(Arguments.path(image));
    ImageSummary summary;
    try (Progress progress = new Progress(console)) {
      FileTree tree = fromFile ? readDump(source, console, progress) : scan(source, progress);
      ImageSummary[] written = new ImageSummary[1];
      ImageFile.Content content =
          out ->
              written[0] =
                  ImageWriter.write(tree, options, progress.writing("writing the image", out));
      if (file != null) {
        file.write(content);
      } else {
        content.write(
            digestOnly
                ? Channels.newChannel(OutputStream.nullOutputStream())
                : Channels.newChannel(console.out()));
      }
      summary = written[0];
    }
    if (summary.digest() != null) {
      console.println(summary.digest().hex());
    }
    return 0;
  }

  private ImageOptions imageOptions() throws UsageException {
    HashAlgorithm digest = printDigest || digestOnly ? hash : null;
    if (formatVersion >= 0) {
      if (minVersion >= 0 || maxVersion >= 0) {
        throw new UsageException(
            "--format-version does not go with --min-version and --max-version");
      }
      FormatVersion version = FormatVersion.of(formatVersion);
      if (version == null) {
        throw new UsageException("--format-version is 0, 1 or 2");
      }
      return new ImageOptions(version, version, digest);
    }
    boolean given = minVersion >= 0 || maxVersion >= 0;
    FormatVersion min = FormatVersion.of(Math.max(0, minVersion));
    FormatVersion max = FormatVersion.of(given ? Math.max(0, maxVersion) : 1);
    if (min == null || max == null || min == FormatVersion.V2 || max == FormatVersion.V2) {
      throw new UsageException("--min-version and --max-version are 0 or 1");
    }
    return new ImageOptions(min, max, digest);
  }

  private FileTree readDump(String source, Console console, Progress progress)
      throws IOException, UsageException {
    DumpOptions options = new DumpOptions(System.getenv("CFS_PARSE_STRICT") != null, hash);
    try (ReadableByteChannel in =
        source.equals("-")
            ? Channels.newChannel(console.in())
            : FileChannel.open(Arguments.path(source), StandardOpenOption.READ)) {
      return DumpReader.read(progress.reading("reading the dump", in), source, options);
    } catch (IOException e) {
      // What a channel says, a directory's above all, does not tell the file.
      throw e instanceof ComposefsException || e instanceof FileSystemException
          ? e
          : new IOException(source + ": " + e.getMessage(), e);
    }
  }

  private FileTree scan(String source, Progress progress) throws IOException, UsageException {
    if (skipXattrs && userXattrs) {
      throw new UsageException("--skip-xattrs and --user-xattrs exclude each other");
    }
    ScanOptions.Xattrs xattrs =
        skipXattrs
            ? ScanOptions.Xattrs.NONE
            : userXattrs ? ScanOptions.Xattrs.USER : ScanOptions.Xattrs.ALL;
    ScanOptions options =
        new ScanOptions(threads, hash, xattrs, !noHardLinks, useEpoch, skipDevices);
    Platform platform = Host.platform();
    boolean followed = source.endsWith("/");
    Path root = Arguments.path(source);
    String what = digestStore == null ? "reading files" : "storing files";
    ScanProgress seen = (entries, bytes) -> progress.show(what, entries, bytes);
    if (digestStore == null) {
      return Scanner.scan(platform, root, followed, options, null, seen);
    }
    try (LocalObjectStore store = LocalObjectStore.open(platform, digestStore, hash)) {
      if (!noSync) {
        store.writeBack();
      }
      FileTree tree = Scanner.scan(platform, root, followed, options, store, seen);
      if (!noSync) {
        store.sync();
      }
      return tree;
    }
  }
}
