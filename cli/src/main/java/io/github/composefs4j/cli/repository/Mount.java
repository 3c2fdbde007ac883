package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Again;
import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.Verification;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.MountException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** {@code mount}: an image file, or an image of the repository (repository.md 8.5), in any mode. */
final class Mount extends RepositoryCommand {
  /** Set for the process that serves a mount in the background. */
  private static final String SERVER = "composefs.mount.server";

  private final List<Path> objects = new ArrayList<>();
  private @Nullable MountMode mode;
  private @Nullable Verification verification;
  private @Nullable Digest digest;
  private @Nullable Path upper;
  private @Nullable Path work;
  private boolean readWrite;
  private boolean foreground;
  private boolean allowOther;
  private boolean replace;
  private String fuse = "auto";

  @Override
  Definition own() {
    return Definition.command("mount", "mount an image")
        .operand(
            "SOURCE", "an image file; else the name of one: a digest, refs/REF, REF without slash")
        .operand("MOUNTPOINT", "a directory")
        .option("mode", "MODE", "auto, kernel, verified, passthrough or overlay", this::mode)
        .option("verify", "WHO", "who verifies content: always, open, kernel or off", this::verify)
        .option(
            "basedir",
            "DIR",
            "where the objects of an image file are; may be repeated",
            v -> objects.add(Arguments.path(v)))
        .option("digest", "HEX", "what the image file must have", this::digest)
        .option("upperdir", "DIR", "a writable layer", v -> upper = Arguments.path(v))
        .option("workdir", "DIR", "a directory beside upperdir", v -> work = Arguments.path(v))
        .flag("read-write", "mount writable; needs upperdir", () -> readWrite = true)
        .option("fuse", "WHEN", "as cfsctl: auto, yes (mode verified) or no (kernel)", this::fuse)
        .flag("foreground", "serve until it is unmounted", () -> foreground = true)
        .flag("allow-other", "let other users in", () -> allowOther = true)
        .flag(
            "replace",
            "take the place of what is mounted there, with no moment between",
            () -> replace = true)
        .describe(
            "Without --mode, the kernel mounts where it may; otherwise a server in the background"
                + " verifies every read. In a secure repository the kernel checks image and content"
                + " against their digests; in an insecure one the kernel's mount has its image"
                + " checked before, and content not at all.");
  }

  private void mode(String value) throws UsageException {
    mode = value.equals("auto") ? null : choice(MountMode.class, "--mode", value);
  }

  private void verify(String value) throws UsageException {
    verification = choice(Verification.class, "--verify", value);
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

  private void digest(String value) throws UsageException {
    try {
      digest = Digest.parse(value);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--digest is not 64 or 128 hex digits");
    }
  }

  private void fuse(String value) throws UsageException {
    if (!List.of("auto", "yes", "no").contains(value)) {
      throw new UsageException("'" + value + "' is no --fuse");
    }
    fuse = value;
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if ((upper == null) != (work == null)) {
      throw new UsageException("--upperdir and --workdir go together");
    }
    if (readWrite && upper == null) {
      throw new UsageException("--read-write needs --upperdir");
    }
    if (mode == null && !fuse.equals("auto")) {
      mode = fuse.equals("yes") ? MountMode.VERIFIED : MountMode.KERNEL;
    }
    try {
      Mounts.requirePair(mode, verification);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    Mounts.cleanAll();
    String source = operands.getFirst();
    Path target = Arguments.path(operands.get(1));
    boolean named = "cfsctl".equals(System.getProperty("composefs.command"));
    if (!named && Files.isRegularFile(Arguments.path(source))) {
      ViewOptions options = options(Arguments.path(source), objects, digest);
      return inForeground()
          ? serve(mount(options, target), console)
          : start(options, target, console);
    }
    try (Repository open = repository.open()) {
      MountedView view;
      try (Repository.Hold _ = open.hold()) {
        Digest id = open.resolveImage(source);
        if (open.isSecure() && verification == null && mode != MountMode.VERIFIED) {
          verification = mode == MountMode.PASSTHROUGH ? Verification.OPEN : Verification.KERNEL;
        }
        Path image = open.path().resolve("objects").resolve(FileName.decode(id.objectPath()));
        ViewOptions options = options(image, open.objectDirectories(), id);
        if (!inForeground()) {
          return start(options, target, console);
        }
        view = mount(open.elsewhere() == null ? options : passingOver(options, open), target);
      }
      // Mounted, it is found in the mount table: a lock would keep collectors away for ever.
      return serve(view, console);
    }
  }

  /** The kernel takes the first file it finds, a server the first that is sound. */
  private ViewOptions passingOver(ViewOptions options, Repository open) {
    return mode == null || mode == MountMode.VERIFIED
        ? options(options.image(), List.of(), options.digest())
            .with(mode, verification == Verification.KERNEL ? null : verification)
            .withStore(open.objects())
        : options;
  }

  private ViewOptions options(Path image, List<Path> directories, @Nullable Digest held) {
    return ViewOptions.of(image, directories)
        .withDigest(held)
        .with(mode, verification)
        .withUpper(upper, work, readWrite)
        .withAllowOther(allowOther)
        .withReplace(replace);
  }

  /** {@return whether it is this process that stays as long as the mount} */
  private boolean inForeground() {
    return foreground || Again.is(SERVER);
  }

  /** What the kernel serves needs no process that stays. */
  private int start(ViewOptions options, Path target, Console console) throws IOException {
    if (mode == MountMode.KERNEL || mode == null && Mounts.isKernelFirst(options)) {
      try {
        Mounts.mount(options.with(MountMode.KERNEL, verification), target);
        return 0;
      } catch (MountException e) {
        if (mode == MountMode.KERNEL) {
          throw e;
        }
      }
    }
    return inBackground(console);
  }

  private static MountedView mount(ViewOptions options, Path target) throws IOException {
    MountedView view = Mounts.mount(options, target);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> unmount(view)));
    return view;
  }

  private static int serve(MountedView view, Console console) throws IOException {
    console.println(view.point() + " " + view.mode().label() + " " + view.verification().label());
    console.out().flush();
    try {
      view.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return 0;
  }

  /** When this process is told to end: a mount without server would fail every use. */
  private static void unmount(MountedView view) {
    try {
      view.close();
    } catch (IOException e) {
      // it is gone, or another one is on top
    }
  }

  /** Starts the server and returns once the mount answers. */
  private static int inBackground(Console console) throws IOException {
    List<String> command = new ArrayList<>(List.of("setsid"));
    command.addAll(Again.command(SERVER));
    Process process =
        new ProcessBuilder(command).redirectInput(new java.io.File("/dev/null")).start();
    try (BufferedReader out = reader(process.getInputStream());
        BufferedReader err = reader(process.getErrorStream())) {
      if (out.readLine() != null) {
        return 0;
      }
      err.lines().forEach(console.err()::println);
      return process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static BufferedReader reader(java.io.InputStream in) {
    return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
  }
}
