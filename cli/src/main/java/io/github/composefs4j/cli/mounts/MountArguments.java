package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.cli.repository.RepositoryOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What is mounted and how, as options of several commands. */
final class MountArguments {
  final RepositoryOptions repository = new RepositoryOptions();
  private final List<Path> objects = new ArrayList<>();
  private @Nullable MountMode mode;
  private @Nullable Verification verification;
  private @Nullable Digest digest;
  private @Nullable Path trees;
  private @Nullable Path upper;
  private @Nullable Path work;
  private boolean readWrite;
  private boolean maybeWritable;
  private boolean allowOther;
  private boolean replace;
  private int attributes;
  private boolean sourceAsGiven;

  /** What is done with an image. */
  interface Use {
    /**
     * Mounts, while nothing can be collected.
     *
     * @param byKernel for mounts that read object directories
     * @param byServer for a server that reads content itself: it passes over what is damaged
     */
    void mount(ViewOptions byKernel, ViewOptions byServer) throws IOException;

    /** {@return the exit status, when what the server reads is needed no more} */
    default int end() throws IOException {
      return 0;
    }
  }

  /** Adds the options to a command's definition. */
  Definition addTo(Definition definition) {
    return repository.addTo(
        definition
            .option("mode", "MODE", "auto, kernel, verified, passthrough or overlay", this::mode)
            .option(
                "verify", "WHO", "who verifies content: always, open, kernel or off", this::verify)
            .option(
                "basedir",
                "DIR",
                "where the objects of an image file are; may be repeated",
                v -> objects.add(Arguments.path(v)))
            .option("digest", "HEX", "what the image file must have", this::digest)
            .option(
                "trees",
                "DIR",
                "where Merkle trees of large objects are found and kept; for mode verified",
                v -> trees = Arguments.path(v))
            .option("upperdir", "DIR", "a writable layer", this::upper)
            .option("workdir", "DIR", "a directory beside upperdir", this::work)
            .flag("read-write", "mount writable; needs upperdir", () -> writable(true)));
  }

  void mode(String value) throws UsageException {
    mode = value.equals("auto") ? null : choice(MountMode.class, "mode", value);
  }

  /** Sets the mode unless one was said. */
  void modeIfNone(MountMode other) {
    mode = mode == null ? other : mode;
  }

  void verify(String value) throws UsageException {
    verification = choice(Verification.class, "verify", value);
  }

  private static <E extends Enum<E>> E choice(Class<E> of, String option, String value)
      throws UsageException {
    for (E each : of.getEnumConstants()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(value)) {
        return each;
      }
    }
    throw new UsageException("'" + value + "' is no " + option);
  }

  void basedirs(List<Path> directories) {
    objects.addAll(directories);
  }

  void digest(String value) throws UsageException {
    try {
      digest = Digest.parse(value);
    } catch (IllegalArgumentException e) {
      throw new UsageException("digest is not 64 or 128 hex digits");
    }
  }

  void upper(String value) throws UsageException {
    upper = Arguments.path(value);
  }

  void work(String value) throws UsageException {
    work = Arguments.path(value);
  }

  void writable(boolean written) {
    readWrite = written;
    maybeWritable = false;
  }

  /** Mounts writable if there is a writable layer: what {@code mount(8)} means by default. */
  void writableIfPossible() {
    readWrite = false;
    maybeWritable = true;
  }

  void allowOther() {
    allowOther = true;
  }

  void replace() {
    replace = true;
  }

  /** Has the mount table call an image without a digest by its path, as {@code fstab} does. */
  void sourceAsGiven() {
    sourceAsGiven = true;
  }

  void attribute(int bit) {
    attributes |= bit;
  }

  /**
   * Finds the image and uses it, and closes where it is from.
   *
   * @param source an existing regular file, or the name of an image in the repository
   * @param named whether it is a name in any case
   */
  int use(String source, boolean named, Use use) throws IOException, UsageException {
    if ((upper == null) != (work == null)) {
      throw new UsageException("upperdir and workdir go together");
    }
    if (readWrite && upper == null) {
      throw new UsageException("to mount writable needs upperdir");
    }
    if (trees != null && mode != MountMode.VERIFIED) {
      throw new UsageException("trees go with mode verified");
    }
    try {
      Mounts.requirePair(mode, verification);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    Path file = Arguments.path(source);
    if (!named && Files.isRegularFile(file)) {
      ViewOptions options = options(file, objects, digest, verification);
      if (sourceAsGiven && digest == null) {
        options = options.withSource(FileName.decode(RawPath.of(file.toRealPath())));
      }
      use.mount(options, options);
      return use.end();
    }
    try (Repository open = repository.open()) {
      try (Repository.Hold _ = open.hold()) {
        Digest id = open.resolveImage(source);
        Verification verify = verification;
        if (open.isSecure() && verify == null && mode != MountMode.VERIFIED) {
          verify = mode == MountMode.PASSTHROUGH ? Verification.OPEN : Verification.KERNEL;
        }
        Path image = open.path().resolve("objects").resolve(FileName.decode(id.objectPath()));
        ViewOptions options = options(image, open.objectDirectories(), id, verify);
        use.mount(options, open.elsewhere() == null ? options : passingOver(options, open));
      }
      // Mounted, it is found in the mount table: a lock would keep collectors away for ever.
      return use.end();
    }
  }

  /** The kernel takes the first file it finds, a server the first that is sound. */
  private ViewOptions passingOver(ViewOptions options, Repository open) {
    Verification verify = options.verification();
    return mode == null || mode == MountMode.VERIFIED
        ? options(options.image(), List.of(), options.digest(), null)
            .with(mode, verify == Verification.KERNEL ? null : verify)
            .withStore(open.objects())
        : options;
  }

  private ViewOptions options(
      Path image, List<Path> directories, @Nullable Digest held, @Nullable Verification verify) {
    return ViewOptions.of(image, directories)
        .withDigest(held)
        .with(mode, verify)
        .withUpper(upper, work, readWrite || maybeWritable && upper != null)
        .withTrees(trees)
        .withAttributes(attributes)
        .withAllowOther(allowOther)
        .withReplace(replace);
  }
}
