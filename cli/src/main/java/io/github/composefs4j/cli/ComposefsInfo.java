package io.github.composefs4j.cli;

import io.github.composefs4j.core.dump.ImageText;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.KernelVerity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
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
final class ComposefsInfo implements Command {
  static final List<GetOpt.Option> OPTIONS =
      List.of(
          new GetOpt.Option("basedir", "DIR", "the object directory, for missing-objects"),
          new GetOpt.Option("filter", "NAME", "only this entry of the root; may be repeated"),
          new GetOpt.Option("hash", "NAME", "sha256 (default) or sha512, for measure-file"),
          new GetOpt.Option("block-size", "BYTES", "block size of the digest, for measure-file"));

  private @Nullable Path basedir;
  private final List<byte[]> filters = new ArrayList<>();
  private HashAlgorithm hash = HashAlgorithm.SHA256;
  private int blockSize = VerityHasher.BLOCK_SIZE;

  @Override
  public String usage() {
    return "composefs-info [--basedir=DIR] [ls|objects|dump|missing-objects|measure-file] IMAGES...";
  }

  @Override
  public List<GetOpt.Option> options() {
    return OPTIONS;
  }

  private void option(String name, String value) throws UsageException {
    switch (name) {
      case "basedir" -> basedir = Arguments.path(value);
      case "filter" -> {
        if (value.contains("/")) {
          throw new UsageException("filter '" + value + "' is not a single name");
        }
        filters.add(Arguments.bytes(value));
      }
      case "hash" -> hash = Arguments.algorithm(value);
      case "block-size" -> {
        blockSize = Arguments.number("--block-size", value, VerityHasher.BLOCK_SIZE_MIN);
        if (blockSize > VerityHasher.BLOCK_SIZE_MAX || Integer.bitCount(blockSize) != 1) {
          throw new UsageException("--block-size is a power of two from 1024 to 65536");
        }
      }
      default -> throw new IllegalStateException(name);
    }
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    boolean posix = System.getenv("POSIXLY_CORRECT") != null;
    List<String> operands = GetOpt.parse(OPTIONS, args, posix, this::option);
    if (operands.isEmpty()) {
      throw new UsageException("no command; usage: " + usage());
    }
    String command = operands.getFirst();
    List<String> files = operands.subList(1, operands.size());
    boolean measure = command.equals("measure-file");
    switch (command) {
      case "ls", "dump", "objects", "missing-objects", "measure-file" -> {}
      default -> throw new UsageException("unknown command '" + command + "'");
    }
    if (basedir != null && !measure && !Files.isDirectory(basedir)) {
      throw new NotDirectoryException(basedir.toString());
    }
    if (files.isEmpty()) {
      throw new UsageException(measure ? "no files" : "no image path; usage: " + usage());
    }
    TreeSet<byte[]> objects = new TreeSet<>(Arrays::compareUnsigned);
    Predicate<byte[]> filter = filters.isEmpty() ? null : ImageWalk.names(filters);
    for (String file : files) {
      if (measure) {
        console.out().write(Arguments.ascii(measure(file).hex() + "\n"));
        continue;
      }
      Path path = Arguments.path(file);
      try (ErofsImage image =
          ErofsImage.open(ImageBytes.open(path, file), ImageProfile.COMPOSEFS)) {
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
    console.out().flush();
    return 0;
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
    String below =
        io.github.composefs4j.core.tree.FileName.decode(
            Arrays.copyOfRange(object, start, object.length));
    return !Files.exists(Arguments.path(basedir.toAbsolutePath() + "/" + below));
  }

  private Digest measure(String file) throws IOException {
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
      throw e instanceof java.nio.file.FileSystemException
          ? e
          : new IOException(file + ": " + e.getMessage(), e);
    }
    return hasher.digest();
  }
}
