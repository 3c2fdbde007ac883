package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.fuse.MountMode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** {@code mount}: an image file, or an image of the repository (repository.md 8.5), in any mode. */
public final class Mount implements Command {
  private final MountArguments arguments = new MountArguments();
  private boolean foreground;
  private boolean alone;
  private String fuse = "auto";

  @Override
  public Definition definition() {
    return arguments
        .addTo(Definition.command("mount", "mount an image"))
        .operand(
            "SOURCE", "an image file; else the name of one: a digest, refs/REF, REF without slash")
        .operand("MOUNTPOINT", "a directory")
        .option("fuse", "WHEN", "as cfsctl: auto, yes (mode verified) or no (kernel)", this::fuse)
        .flag("foreground", "serve until it is unmounted", () -> foreground = true)
        .flag("own-server", "start a server of its own in any case", () -> alone = true)
        .flag("allow-other", "let other users in", arguments::allowOther)
        .flag(
            "replace",
            "take the place of what is mounted there, with no moment between",
            arguments::replace)
        .describe(
            "Without --mode, the kernel mounts where it may; otherwise a server in the background"
                + " verifies every read. In a secure repository the kernel checks image and content"
                + " against their digests; in an insecure one the kernel's mount has its image"
                + " checked before, and content not at all.")
        .describe(
            "A server that is there already serves further mounts, too, of the same user in the"
                + " same mount namespace; it ends with the last of them.");
  }

  private void fuse(String value) throws UsageException {
    if (!List.of("auto", "yes", "no").contains(value)) {
      throw new UsageException("'" + value + "' is no --fuse");
    }
    fuse = value;
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (Background.isServer()) {
      return Background.serve(console);
    }
    if (!fuse.equals("auto")) {
      arguments.modeIfNone(fuse.equals("yes") ? MountMode.VERIFIED : MountMode.KERNEL);
    }
    boolean named = "cfsctl".equals(System.getProperty("composefs.command"));
    Path target = Arguments.path(operands.get(1));
    MountArguments.Use use =
        foreground || Background.isRepeated()
            ? new Foreground(target, console)
            : new Background(target, alone);
    return arguments.use(operands.getFirst(), named, use);
  }
}
