package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.fuse.Mounts;
import java.io.IOException;
import java.util.List;

/** {@code composefs umount}: takes mounts away. */
public final class Umount implements Command {
  private boolean lazy;

  @Override
  public Definition definition() {
    return Definition.command("umount", "unmount composefs mounts")
        .repeated("MOUNTPOINT", "where something is mounted", false)
        .flag("lazy", "detach now, clean up when nobody uses it", () -> lazy = true);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    for (String target : operands) {
      Mounts.unmount(Arguments.path(target), lazy);
    }
    return 0;
  }
}
