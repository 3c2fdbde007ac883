package io.github.composefs4j.cli;

import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageSummary;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code mkcomposefs}: a directory or a dump becomes an image, and an object store is filled
 * (dump-format.md 13.1).
 */
final class Mkcomposefs implements Command {
  static final List<GetOpt.Option> OPTIONS =
      List.of(
          new GetOpt.Option("digest-store", "DIR", "store the content of files as objects in DIR"),
          new GetOpt.Option("use-epoch", null, "make all times 0"),
          new GetOpt.Option("skip-devices", null, "leave out block and character devices"),
          new GetOpt.Option("skip-xattrs", null, "read no extended attributes"),
          new GetOpt.Option("user-xattrs", null, "read only extended attributes of users"),
          new GetOpt.Option("print-digest", null, "print the image's fs-verity digest"),
          new GetOpt.Option("print-digest-only", null, "print the digest and write no image"),
          new GetOpt.Option("from-file", null, "SOURCE is a dump; - is standard input"),
          new GetOpt.Option("min-version", "N", "lowest format version, 0 or 1"),
          new GetOpt.Option("max-version", "N", "highest format version, 0 or 1"),
          new GetOpt.Option("threads", "N", "how many files are read at once"),
          new GetOpt.Option("format-version", "N", "write exactly format version 0, 1 or 2"),
          new GetOpt.Option("hash", "NAME", "sha256 (default) or sha512, for content and image"),
          new GetOpt.Option("no-hardlinks", null, "make a file of its own of every name"),
          new GetOpt.Option("no-sync", null, "do not make the object store durable"));

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
  public String usage() {
    return "mkcomposefs [OPTIONS] SOURCE IMAGE";
  }

  @Override
  public List<GetOpt.Option> options() {
    return OPTIONS;
  }

  private void option(String name, String value) throws UsageException {
    switch (name) {
      case "digest-store" -> digestStore = Arguments.path(value.isEmpty() ? "." : value);
      case "use-epoch" -> useEpoch = true;
      case "skip-devices" -> skipDevices = true;
      case "skip-xattrs" -> skipXattrs = true;
      case "user-xattrs" -> userXattrs = true;
      case "print-digest" -> printDigest = true;
      case "print-digest-only" -> digestOnly = true;
      case "from-file" -> fromFile = true;
      case "min-version" -> minVersion = Arguments.number("--min-version", value, 0);
      case "max-version" -> maxVersion = Arguments.number("--max-version", value, 0);
      case "format-version" -> formatVersion = Arguments.number("--format-version", value, 0);
      case "threads" -> threads = Arguments.number("--threads", value, 1);
      case "hash" -> hash = Arguments.algorithm(value);
      case "no-hardlinks" -> noHardLinks = true;
      case "no-sync" -> noSync = true;
      default -> throw new IllegalStateException(name);
    }
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    boolean posix = System.getenv("POSIXLY_CORRECT") != null;
    List<String> operands = GetOpt.parse(OPTIONS, args, posix, this::option);
    if (operands.isEmpty()) {
      throw new UsageException("no source path; usage: " + usage());
    }
    String source = operands.getFirst();
    if (source.isEmpty()) {
      throw new UsageException("empty source path");
    }
    if (operands.size() > 2) {
      throw new UsageException("too many arguments; usage: " + usage());
    }
    if (digestOnly == (operands.size() == 2)) {
      throw new UsageException(
          digestOnly
              ? "no image may be named with --print-digest-only"
              : "no image path; usage: " + usage());
    }
    String image = digestOnly ? "" : operands.get(1);
    if (image.equals("-") && console.outIsTerminal().getAsBoolean()) {
      throw new UsageException("standard output is a terminal; refusing to write an image to it");
    }
    if (!digestOnly && image.isEmpty()) {
      throw new UsageException("empty image path");
    }
    ImageOptions options = imageOptions();
    FileTree tree = fromFile ? readDump(source, console) : scan(source);
    write(tree, options, image, console);
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

  private FileTree readDump(String source, Console console) throws IOException {
    DumpOptions options = new DumpOptions(System.getenv("CFS_PARSE_STRICT") != null, hash);
    try (ReadableByteChannel in =
        source.equals("-")
            ? Channels.newChannel(console.in())
            : FileChannel.open(Arguments.path(source), StandardOpenOption.READ)) {
      return DumpReader.read(in, source, options);
    }
  }

  private FileTree scan(String source) throws IOException, UsageException {
    if (skipXattrs && userXattrs) {
      throw new UsageException("--skip-xattrs and --user-xattrs exclude each other");
    }
    ScanOptions.Xattrs xattrs =
        skipXattrs
            ? ScanOptions.Xattrs.NONE
            : userXattrs ? ScanOptions.Xattrs.USER : ScanOptions.Xattrs.ALL;
    ScanOptions options =
        new ScanOptions(threads, hash, xattrs, !noHardLinks, useEpoch, skipDevices);
    Platform platform = Platform.best();
    boolean followed = source.endsWith("/");
    Path root = Arguments.path(source);
    if (digestStore == null) {
      return Scanner.scan(platform, root, followed, options, null, ScanProgress.NONE);
    }
    try (LocalObjectStore store = LocalObjectStore.open(platform, digestStore, hash)) {
      FileTree tree = Scanner.scan(platform, root, followed, options, store, ScanProgress.NONE);
      if (!noSync) {
        store.sync();
      }
      return tree;
    }
  }

  private void write(FileTree tree, ImageOptions options, String image, Console console)
      throws IOException {
    ImageSummary[] summary = new ImageSummary[1];
    ImageFile.Content content = out -> summary[0] = ImageWriter.write(tree, options, out);
    if (digestOnly) {
      content.write(new Nowhere());
    } else if (image.equals("-")) {
      content.write(Channels.newChannel(console.out()));
    } else {
      ImageFile.write(Arguments.path(image), content);
    }
    if (summary[0].digest() != null) {
      console.out().write((summary[0].digest().hex() + "\n").getBytes(StandardCharsets.US_ASCII));
    }
    console.out().flush();
  }

  /** Takes everything. */
  private static final class Nowhere implements WritableByteChannel {
    @Override
    public int write(ByteBuffer bytes) {
      int length = bytes.remaining();
      bytes.position(bytes.limit());
      return length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }
}
