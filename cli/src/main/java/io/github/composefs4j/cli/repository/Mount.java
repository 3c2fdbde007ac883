package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountOptions.Verity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code mount}: an image of the repository, by the kernel (repository.md 8.5). */
final class Mount extends RepositoryCommand {
  private @Nullable Path upper;
  private @Nullable Path work;
  private boolean readWrite;

  @Override
  Definition own() {
    return Definition.command("mount", "mount an image")
        .operand("NAME", "a digest, refs/REF, or a REF without a slash")
        .operand("MOUNTPOINT", "a directory")
        .option("upperdir", "DIR", "a writable layer", v -> upper = Arguments.path(v))
        .option("workdir", "DIR", "a directory beside upperdir", v -> work = Arguments.path(v))
        .flag("read-write", "mount writable; needs upperdir", () -> readWrite = true)
        .describe(
            "In a secure repository the kernel checks image and content against their digests; in"
                + " an insecure one the image is checked before it is mounted, and content not at"
                + " all.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if ((upper == null) != (work == null)) {
      throw new UsageException("--upperdir and --workdir go together");
    }
    if (readWrite && upper == null) {
      throw new UsageException("--read-write needs --upperdir");
    }
    try (Repository open = repository.open();
        Repository.Hold _ = open.hold()) {
      Digest digest = open.resolveImage(operands.getFirst());
      try (ErofsImage _ = open.openImage(digest)) {
        // opening it has checked its bytes
      }
      Path objects = open.path().resolve("objects");
      boolean secure = open.isSecure();
      KernelMount.mount(
          new MountOptions(
              objects.resolve(FileName.decode(digest.objectPath())),
              List.of(objects),
              secure ? digest : null,
              secure ? Verity.REQUIRE : Verity.OFF,
              upper,
              work,
              !readWrite,
              null,
              0,
              false,
              false),
          Arguments.path(operands.get(1)));
    }
    return 0;
  }
}
