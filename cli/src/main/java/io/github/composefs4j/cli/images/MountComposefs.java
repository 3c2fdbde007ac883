package io.github.composefs4j.cli.images;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.Definition.Option;
import io.github.composefs4j.cli.command.HelpRequest;
import io.github.composefs4j.cli.command.OptionList;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountOptions.Verity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code mount.composefs}: mounts an image by the kernel; the helper of {@code mount -t composefs}
 * (dump-format.md 13.4).
 */
public final class MountComposefs implements Command {
  private final List<Path> basedirs = new ArrayList<>();
  private String list = "";
  private boolean fake;
  private @Nullable Digest digest;
  private Verity verity = Verity.OFF;
  private @Nullable Path upper;
  private @Nullable Path work;
  private @Nullable Path idmap;
  private boolean readOnly;
  private int attributes;
  private boolean loop;
  private boolean old;

  private final List<Option> keys = keys();

  private List<Option> keys() {
    List<Option> all = new ArrayList<>();
    all.addAll(
        List.of(
            OptionList.key(
                "basedir",
                "DIR[:DIR...]",
                "object directories, searched in this order; required",
                this::basedir),
            OptionList.key(
                "digest",
                "HEX",
                "the fs-verity digest that the image must have; implies verity",
                this::digest),
            OptionList.flag(
                "verity",
                "every file must have a digest and match it",
                () -> verity = Verity.REQUIRE),
            OptionList.flag(
                "tryverity",
                "as verity, if kernel and file systems can",
                () -> verity = verity == Verity.REQUIRE ? verity : Verity.TRY),
            OptionList.key(
                "upperdir",
                "DIR",
                "a writable layer; goes with workdir",
                v -> upper = Arguments.path(v)),
            OptionList.key(
                "workdir",
                "DIR",
                "an empty directory on the file system of upperdir",
                v -> work = Arguments.path(v)),
            OptionList.key(
                "idmap",
                "PATH",
                "the user namespace whose id mapping is used",
                v -> idmap = Arguments.path(v)),
            OptionList.flag("ro", "mount read-only", () -> readOnly = true),
            OptionList.flag(
                "rw",
                "mount writable, if there is an upperdir; the default",
                () -> readOnly = false),
            OptionList.flag(
                "nosuid", "ignore set-user-id bits", () -> attributes |= MountOptions.NOSUID),
            OptionList.flag("nodev", "ignore devices", () -> attributes |= MountOptions.NODEV),
            OptionList.flag("noexec", "run no programs", () -> attributes |= MountOptions.NOEXEC),
            OptionList.flag(
                "noatime", "record no access times", () -> attributes |= MountOptions.NOATIME),
            OptionList.flag(
                "x-composefs.loop", "always go through a loop device", () -> loop = true),
            OptionList.flag("x-composefs.oldapi", "always use mount(2)", () -> old = true)));
    all.addAll(OptionList.ofMount());
    return all;
  }

  @Override
  public Definition definition() {
    return Definition.dropIn(Grammar.GETOPT, "mount.composefs", "mount a composefs image")
        .operand("IMAGE", "the image, a file or a block device")
        .operand("MOUNTPOINT", "a directory")
        .option('t', "", "composefs", "the type, as mount(8) gives it", this::type)
        .option('o', "", "LIST", "mount options, separated by commas", v -> list = v)
        .option('v', "", null, "accepted for mount(8)", _ -> {})
        .option('n', "", null, "accepted for mount(8)", _ -> {})
        .option('s', "", null, "accepted for mount(8)", _ -> {})
        .option('f', "", null, "check everything but mount nothing", _ -> fake = true)
        .option('N', "", "NAMESPACE", "accepted for mount(8)", _ -> {})
        .option('h', "", null, "print usage", MountComposefs::help)
        .section("Mount options", keys)
        .describe(
            "The image is mounted as EROFS, and on it an overlay whose data-only layers are the"
                + " object directories. It is what mount -t composefs runs, when it stands in"
                + " /sbin.")
        .describe(
            "A backslash takes the meaning from the character after it: a comma in a path is"
                + " written \\,. Of a repeated option the last counts.")
        .describe(
            "With verity every file is checked against the digest in the image by the kernel, when"
                + " it is read; with digest the image itself is. Without them nobody checks"
                + " anything.");
  }

  private static void help(String none) throws HelpRequest {
    throw new HelpRequest(false, 0);
  }

  private void type(String value) throws UsageException {
    if (!value.equals("composefs")) {
      throw new UsageException("unsupported file system type '" + value + "'");
    }
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String usage = "; usage: " + definition().usage();
    if (operands.size() < 2) {
      throw new UsageException((operands.isEmpty() ? "no source path" : "no mount path") + usage);
    }
    OptionList.parse(list, keys);
    if (basedirs.isEmpty()) {
      throw new UsageException("no object directories" + usage);
    }
    if ((upper == null) != (work == null)) {
      throw new UsageException("upperdir and workdir go together");
    }
    MountOptions options =
        new MountOptions(
            Arguments.path(operands.getFirst()),
            basedirs,
            digest,
            verity,
            upper,
            work,
            readOnly,
            idmap,
            attributes,
            loop,
            old);
    if (!fake) {
      KernelMount.mount(options, Arguments.path(operands.get(1)));
    }
    return 0;
  }

  private void basedir(String value) throws UsageException {
    basedirs.clear();
    for (String directory : value.split(":", -1)) {
      if (directory.isEmpty()) {
        throw new UsageException("an empty directory in basedir");
      }
      basedirs.add(Arguments.path(directory));
    }
  }

  private void digest(String value) throws UsageException {
    try {
      digest = Digest.parse(value);
    } catch (IllegalArgumentException e) {
      throw new UsageException("digest is not 64 or 128 hex digits");
    }
    verity = Verity.REQUIRE;
  }
}
