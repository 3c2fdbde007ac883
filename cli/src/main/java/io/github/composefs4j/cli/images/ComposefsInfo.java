package io.github.composefs4j.cli.images;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.dump.ImageText;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.KernelVerity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** {@code composefs-info}: what is in images, and digests of files (dump-format.md 12, 13.2). */
public final class ComposefsInfo implements Command {
  private @Nullable Path basedir;
  private final List<byte[]> filters = new ArrayList<>();
  private HashAlgorithm hash = HashAlgorithm.SHA256;
  private int blockSize = VerityHasher.BLOCK_SIZE;

  @Override
  public Definition definition() {
    return Definition.dropIn(Grammar.GETOPT, "composefs-info", "print what is in composefs images")
        .operand("ls|dump|objects|missing-objects|measure-file", "what to print")
        .repeated("IMAGE", "an image, or for measure-file any file", false)
        .option("basedir", "DIR", "the object directory, for missing-objects", this::setBasedir)
        .option("filter", "NAME", "only this entry of the root; may be repeated", this::addFilter)
        .option(
            "hash",
            "sha256|sha512",
            "the digest's algorithm, for measure-file",
            v -> hash = Arguments.algorithm(v))
        .option(
            "block-size",
            "BYTES",
            "the digest's block size, for measure-file: a power of two from 1024 to 65536",
            this::setBlockSize)
        .describe(
            "ls lists every entry below the root with its full path: a directory ends in a slash,"
                + " a symlink shows its target after '->', a file with content in the object"
                + " directory shows the object after '@'.")
        .describe("dump prints the images in the dump format, which mkcomposefs --from-file reads.")
        .describe(
            "objects prints the objects that the files of all images refer to, sorted;"
                + " missing-objects those of them that are not in the directory of --basedir.")
        .describe("measure-file prints the fs-verity digest of each file.");
  }

  private void setBasedir(String value) throws UsageException {
    if (value.isEmpty()) {
      throw new UsageException("--basedir is empty");
    }
    basedir = Arguments.path(value);
  }

  private void addFilter(String name) throws UsageException {
    if (name.contains("/")) {
      throw new UsageException("filter '" + name + "' is not a single name");
    }
    filters.add(Arguments.bytes(name));
  }

  private void setBlockSize(String value) throws UsageException {
    blockSize = Arguments.number("--block-size", value, VerityHasher.BLOCK_SIZE_MIN);
    if (blockSize > VerityHasher.BLOCK_SIZE_MAX || Integer.bitCount(blockSize) != 1) {
      throw new UsageException("--block-size is a power of two from 1024 to 65536");
    }
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (operands.isEmpty()) {
      throw new UsageException("no command; usage: " + definition().usage());
    }
    String command = operands.getFirst();
    List<String> files = operands.subList(1, operands.size());
    boolean measure = command.equals("measure-file");
    switch (command) {
      case "ls", "dump", "objects", "missing-objects", "measure-file" -> {}
      default -> throw new UsageException("unknown command '" + command + "'");
    }
    if (basedir != null && !measure && !Files.isDirectory(basedir)) {
      throw Files.exists(basedir)
          ? new NotDirectoryException(basedir.toString())
          : new NoSuchFileException(basedir.toString());
    }
    if (files.isEmpty()) {
      throw new UsageException(
          (measure ? "no files" : "no image path") + "; usage: " + definition().usage());
    }
    if (measure) {
      for (String file : files) {
        console.println(measure(file).hex());
      }
      return 0;
    }
    print(command, files, console);
    return 0;
  }

  private void print(String command, List<String> files, Console console)
      throws IOException, UsageException {
    TreeSet<byte[]> objects = new TreeSet<>(Arrays::compareUnsigned);
    Predicate<byte[]> filter = filters.isEmpty() ? null : ImageWalk.names(filters);
    for (String file : files) {
      try (ErofsImage image =
          ErofsImage.open(ImageBytes.open(Arguments.path(file), file), ImageProfile.COMPOSEFS)) {
        switch (command) {
          case "ls" -> ImageText.list(image, filter, console.out());
          case "dump" -> ImageText.dump(image, filter, console.out());
          default -> ImageText.collectObjects(image, filter, objects);
        }
      }
    }
    boolean missing = command.equals("missing-objects");
    for (byte[] object : objects) {
      if (!missing || isMissing(object)) {
        console.out().write(object);
        console.out().write('\n');
      }
    }
  }

  private boolean isMissing(byte[] object) {
    if (basedir == null) {
      return true;
    }
    int start = 0;
    while (start < object.length && object[start] == '/') {
      start++;
    }
    if (start == object.length) {
      return false;
    }
    String below = FileName.decode(Arrays.copyOfRange(object, start, object.length));
    return !Files.exists(RawPath.path(FileName.encode(basedir.toAbsolutePath() + "/" + below)));
  }

  private Digest measure(String file) throws IOException, UsageException {
    Path path = Arguments.path(file);
    if (blockSize == VerityHasher.BLOCK_SIZE && KernelVerity.isAvailable()) {
      Optional<Digest> known = KernelVerity.measure(path);
      if (known.isPresent()) {
        if (known.get().algorithm() != hash) {
          throw new IOException(
              file + ": the file's fs-verity digest is " + known.get().algorithm().label());
        }
        return known.get();
      }
    }
    VerityHasher hasher = new VerityHasher(hash, blockSize);
    byte[] buffer = new byte[1 << 18];
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      long position = 0;
      for (int read; (read = in.read(ByteBuffer.wrap(buffer), position)) > 0; position += read) {
        hasher.update(buffer, 0, read);
      }
    } catch (IOException e) {
      throw e instanceof FileSystemException ? e : new IOException(file + ": " + e.getMessage(), e);
    }
    return hasher.digest();
  }
}
