package io.github.composefs4j.cli;

import io.github.composefs4j.linux.KernelMount;
import java.io.IOException;
import java.util.List;

/** {@code composefs umount}: takes mounts away. */
final class Umount implements Command {
  private boolean lazy;

  @Override
  public String usage() {
    return "umount [--lazy] MOUNTPOINT...";
  }

  @Override
  public List<GetOpt.Option> options() {
    return List.of(new GetOpt.Option("lazy", null, "detach now, clean up when nobody uses it"));
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    List<String> operands = GetOpt.parse(options(), args, false, (_, _) -> lazy = true);
    if (operands.isEmpty()) {
      throw new UsageException("no mount point; usage: " + usage());
    }
    for (String target : operands) {
      KernelMount.unmount(Arguments.path(target), lazy);
    }
    return 0;
  }
}
