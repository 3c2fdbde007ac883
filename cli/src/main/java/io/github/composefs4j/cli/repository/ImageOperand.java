package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.repository.ObjectSources;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An image that a command is about: a file, with object directories, or one of the repository. */
final class ImageOperand {
  /** How help and manual call it. */
  static final String NAME = "SOURCE";

  static final String HELP =
      "an image file; else the name of one: a digest, refs/REF, REF without slash";

  private final List<Path> directories = new ArrayList<>();
  private @Nullable Digest digest;

  /** Adds the options to a command's definition. */
  Definition addTo(Definition definition) {
    return definition
        .option(
            "basedir",
            "DIR",
            "where the objects of an image file are; may be repeated",
            v -> directories.add(Arguments.path(v)))
        .option("digest", "HEX", "what the image file must have", this::digest);
  }

  private void digest(String value) throws UsageException {
    try {
      digest = Digest.parse(value);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--digest is not 64 or 128 hex digits");
    }
  }

  List<Path> directories() {
    return directories;
  }

  @Nullable Digest digest() {
    return digest;
  }

  /** {@return whether an operand is an image file; for cfsctl it is always a name} */
  static boolean isFile(String operand) throws UsageException {
    return !"cfsctl".equals(System.getProperty("composefs.command"))
        && !operand.isEmpty()
        && Files.isRegularFile(Arguments.path(operand));
  }

  /** An image and the objects of its files. */
  static final class Opened implements Closeable {
    private final ErofsImage image;
    private final ObjectStore objects;
    private final List<Closeable> owned;
    private final @Nullable Repository repository;

    private Opened(
        ErofsImage image,
        ObjectStore objects,
        List<Closeable> owned,
        @Nullable Repository repository) {
      this.image = image;
      this.objects = objects;
      this.owned = owned;
      this.repository = repository;
    }

    ErofsImage image() {
      return image;
    }

    ObjectStore objects() {
      return objects;
    }

    /** Tells what was wrong with sources that were passed over. */
    void warn(Console console) {
      if (repository != null) {
        RepositoryOptions.warn(repository, console);
      } else if (objects instanceof UnionObjectStore union) {
        RepositoryOptions.warn(union.status(), console);
      }
    }

    @Override
    public void close() throws IOException {
      image.close();
      for (Closeable each : owned) {
        each.close();
      }
    }
  }

  /** What an image file has whose object directories nobody told. */
  private record NoObjects(HashAlgorithm algorithm) implements ObjectStore {
    @Override
    public ObjectReader open(Digest object) throws IOException {
      throw new ComposefsException(
          "object " + object.hex() + ": no object directory was given; name one with --basedir");
    }

    @Override
    public ObjectReader openPath(byte[] path) throws IOException {
      throw new ComposefsException(
          FileName.printable(path) + ": no object directory was given; name one with --basedir");
    }

    @Override
    public BitSet present(List<Digest> digests) {
      return new BitSet();
    }

    @Override
    public void close() {}
  }

  /** {@return the image, which nobody collects before it is closed} */
  Opened open(String operand, RepositoryOptions options) throws IOException, UsageException {
    if (isFile(operand)) {
      return openFile(Arguments.path(operand));
    }
    if (!directories.isEmpty() || digest != null) {
      throw new IOException(operand + ": no such image file");
    }
    Repository open = options.open();
    try {
      Repository.Hold hold = open.hold();
      return new Opened(
          open.openImage(operand), open.objects(), List.<Closeable>of(hold, open), open);
    } catch (IOException | RuntimeException e) {
      open.close();
      throw e;
    }
  }

  private Opened openFile(Path file) throws IOException {
    for (Path directory : directories) {
      if (!Files.isDirectory(directory)) {
        throw Files.exists(directory)
            ? new NotDirectoryException(directory.toString())
            : new NoSuchFileException(directory.toString());
      }
    }
    Platform platform = Host.platform();
    ErofsImage image =
        digest == null
            ? ErofsImage.open(
                ImageBytes.of(ObjectReader.of(platform.openFile(file)), file.toString()),
                ImageProfile.COMPOSEFS)
            : ErofsImage.open(platform, file, digest, new Verifier(VerifyOptions.defaults()));
    try {
      HashAlgorithm algorithm = algorithm(image);
      ObjectStore objects =
          directories.isEmpty()
              ? new NoObjects(algorithm)
              : ObjectSources.at(platform, directories).open(algorithm);
      return new Opened(image, objects, List.of(objects), null);
    } catch (IOException | RuntimeException e) {
      image.close();
      throw e;
    }
  }

  /** {@return the algorithm of the first digest in an image} */
  private static HashAlgorithm algorithm(ErofsImage image) throws IOException {
    ImageWalk walk = new ImageWalk(image);
    while (walk.next()) {
      if (walk.inode().isRegular() && walk.inode().isExternal()) {
        Digest first = walk.inode().attributes().digest();
        if (first != null) {
          return first.algorithm();
        }
      }
    }
    return HashAlgorithm.SHA256;
  }
}
