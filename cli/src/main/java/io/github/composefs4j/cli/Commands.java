package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.command.Group;
import io.github.composefs4j.cli.command.Leaf;
import io.github.composefs4j.cli.images.ComposefsDump;
import io.github.composefs4j.cli.images.ComposefsInfo;
import io.github.composefs4j.cli.images.Mkcomposefs;
import io.github.composefs4j.cli.images.MountComposefs;
import io.github.composefs4j.cli.mounts.ListMounts;
import io.github.composefs4j.cli.mounts.Mount;
import io.github.composefs4j.cli.mounts.MountFuse;
import io.github.composefs4j.cli.mounts.Run;
import io.github.composefs4j.cli.mounts.Umount;
import io.github.composefs4j.cli.repository.RepositoryCommands;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** All commands by name. */
final class Commands {
  private static final String[] DROP_INS = {
    "mkcomposefs", "composefs-info", "composefs-dump", "mount.composefs", "mount.fuse.composefs"
  };

  private Commands() {}

  /** {@return the program of this name that stands in for one of the C tools, or null} */
  static @Nullable Command dropIn(String name) {
    return switch (name) {
      case "mkcomposefs" -> new Mkcomposefs();
      case "composefs-info" -> new ComposefsInfo();
      case "composefs-dump" -> new ComposefsDump();
      case "mount.composefs" -> new MountComposefs();
      case "mount.fuse.composefs" -> new MountFuse();
      default -> null;
    };
  }

  /** {@return the programs that stand in for the C tools} */
  static List<Entry> dropIns() {
    return Leaf.all(name -> Objects.requireNonNull(dropIn(name)), DROP_INS);
  }

  private static List<Entry> mounts() {
    return Leaf.all(Commands::make, "mount", "mounts", "umount");
  }

  private static Command make(String name) {
    return switch (name) {
      case "mount" -> new Mount();
      case "mounts" -> new ListMounts();
      case "umount" -> new Umount();
      case "run" -> new Run();
      case "doctor" -> new Doctor();
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** {@return all that stands below {@code composefs}} */
  static Group umbrella() {
    List<Entry> entries = dropIns();
    entries.add(cfsctl());
    entries.addAll(RepositoryCommands.entries());
    entries.addAll(mounts());
    entries.addAll(Leaf.all(Commands::make, "run", "doctor"));
    return new Group(
        "composefs",
        "make, inspect, mount and store composefs images",
        RepositoryCommands::common,
        entries);
  }

  /** {@return the commands by the name of the program of composefs-rs} */
  static Group cfsctl() {
    List<Entry> entries = RepositoryCommands.entries();
    entries.addAll(mounts());
    return new Group(
        "cfsctl", "keep composefs images in a repository", RepositoryCommands::common, entries);
  }
}
