package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.command.Group;
import io.github.composefs4j.cli.command.Leaf;
import java.util.List;

/** The commands on repositories by name. */
public final class RepositoryCommands {
  private RepositoryCommands() {}

  /** {@return the options that all of them take} */
  public static Definition common() {
    return new RepositoryOptions().addTo(Definition.command("", ""));
  }

  /** {@return the commands} */
  public static List<Entry> entries() {
    return List.of(
        new Leaf("init", Init::new),
        new Leaf("create-image", CreateImage::new),
        new Leaf("compute-id", () -> new ComputeTree(ComputeTree.Print.ID)),
        new Leaf("compute-karg", () -> new ComputeTree(ComputeTree.Print.KERNEL_ARGUMENT)),
        new Leaf("create-dumpfile", () -> new ComputeTree(ComputeTree.Print.DUMP)),
        new Leaf("import-image", ImportImage::new),
        new Leaf("images", () -> new Images("images")),
        new Leaf("list-images", () -> new Images("list-images")),
        new Leaf("image-objects", ImageObjects::new),
        new Leaf("dump-files", DumpFiles::new),
        new Leaf("cat", Cat::new),
        new Leaf("copy", Copy::new),
        new Leaf("stat", Usage::new),
        new Leaf("gc", Gc::new),
        new Leaf("fsck", Check::new),
        new Leaf("export", Export::new),
        new Leaf("verify", Verify::new),
        new Leaf("streams", Streams::new),
        new Group(
            "ref",
            "list, set, rename and remove the names of images and streams",
            RepositoryCommands::common,
            List.of(
                new Leaf("list", () -> new Refs(Refs.Action.LIST)),
                new Leaf("set", () -> new Refs(Refs.Action.SET)),
                new Leaf("mv", () -> new Refs(Refs.Action.MOVE)),
                new Leaf("rm", () -> new Refs(Refs.Action.REMOVE)))),
        new Leaf("transaction", HoldTransaction::new));
  }
}
