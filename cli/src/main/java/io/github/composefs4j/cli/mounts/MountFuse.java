package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.Definition.Option;
import io.github.composefs4j.cli.command.HelpRequest;
import io.github.composefs4j.cli.command.OptionList;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.MountOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code mount.fuse.composefs}: what {@code mount -t fuse.composefs} and such a line of {@code
 * fstab(5)} run.
 */
public final class MountFuse implements Command {
  private final MountArguments arguments = new MountArguments();
  private final List<Option> keys = keys();
  private String list = "";
  private boolean fake;

  /** The options of {@code composefs mount}, and those of any mount. */
  private List<Option> keys() {
    List<Option> keys = new ArrayList<>();
    for (Option option : arguments.addTo(Definition.command("", "")).options()) {
      if (!option.name().equals("help") && !option.name().equals("basedir")) {
        keys.add(option);
      }
    }
    keys.add(
        OptionList.key(
            "basedir",
            "DIR[:DIR...]",
            "where the objects of an image file are",
            v -> {
              List<Path> directories = new ArrayList<>();
              for (String directory : v.split(":", -1)) {
                directories.add(Arguments.path(directory));
              }
              arguments.basedirs(directories);
            }));
    keys.add(OptionList.flag("allow_other", "let other users in", arguments::allowOther));
    keys.add(OptionList.flag("ro", "mount read-only", () -> arguments.writable(false)));
    keys.add(
        OptionList.flag(
            "rw", "mount writable, if there is an upperdir", arguments::writableIfPossible));
    keys.add(bit("nosuid", "ignore set-user-id bits", MountOptions.NOSUID));
    keys.add(bit("nodev", "ignore devices", MountOptions.NODEV));
    keys.add(bit("noexec", "run no programs", MountOptions.NOEXEC));
    keys.add(bit("noatime", "record no access times", MountOptions.NOATIME));
    keys.addAll(OptionList.ofMount());
    return keys;
  }

  private Option bit(String name, String help, int bit) {
    return OptionList.flag(name, help, () -> arguments.attribute(bit));
  }

  @Override
  public Definition definition() {
    return Definition.dropIn(
            Grammar.GETOPT, "mount.fuse.composefs", "mount a composefs image, served by a process")
        .operand("SOURCE", "an image file; else the name of one in a repository")
        .operand("MOUNTPOINT", "a directory")
        .option('t', "", "TYPE", "accepted for mount(8)", _ -> {})
        .option('o', "", "LIST", "mount options, separated by commas", v -> list = v)
        .option('v', "", null, "accepted for mount(8)", _ -> {})
        .option('n', "", null, "accepted for mount(8)", _ -> {})
        .option('s', "", null, "accepted for mount(8)", _ -> {})
        .option('f', "", null, "check the options but mount nothing", _ -> fake = true)
        .option('N', "", "NAMESPACE", "accepted for mount(8)", _ -> {})
        .option('h', "", null, "print usage", MountFuse::help)
        .section("Mount options", keys)
        .describe(
            "It is what mount -t fuse.composefs runs, when it stands in /sbin. The options are those"
                + " of composefs mount, which tells more of them; without mode it is verified.");
  }

  /**
   * Leaves alone what is mounted already: {@code mount -a} passes over an image that the mount
   * table calls as {@code fstab} does, but knows nothing of digests.
   */
  private record Once(MountArguments.Use use, Path target) implements MountArguments.Use {
    @Override
    public void mount(ViewOptions byKernel, ViewOptions byServer) throws IOException {
      if (!Mounts.isMounted(byServer, target)) {
        use.mount(byKernel, byServer);
      }
    }

    @Override
    public int end() throws IOException {
      return use.end();
    }
  }

  private static void help(String none) throws HelpRequest {
    throw new HelpRequest(false, 0);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (Background.isServer()) {
      return Background.serve(console);
    }
    if (operands.size() != 2) {
      throw new UsageException("wrong number of operands; usage: " + definition().usage());
    }
    OptionList.parse(list, keys);
    arguments.modeIfNone(MountMode.VERIFIED);
    Path target = Arguments.path(operands.get(1));
    MountArguments.Use use;
    if (Background.isRepeated()) {
      use = new Foreground(target, console);
    } else if (fake) {
      use = (_, _) -> {};
    } else {
      use = new Background(target, false);
    }
    arguments.sourceAsGiven();
    return arguments.use(operands.getFirst(), false, new Once(use, target));
  }
}
