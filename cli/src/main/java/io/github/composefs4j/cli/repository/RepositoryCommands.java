package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Command;
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
    List<Entry> entries =
        Leaf.all(
            RepositoryCommands::make,
            "init",
            "create-image",
            "compute-id",
            "compute-karg",
            "create-dumpfile",
            "import-image",
            "images",
            "list-images",
            "image-objects",
            "dump-files",
            "cat",
            "copy",
            "stat",
            "gc",
            "fsck",
            "export",
            "verify",
            "streams",
            "transaction");
    entries.add(
        new Group(
            "ref",
            "list, set, rename and remove the names of images and streams",
            RepositoryCommands::common,
            Leaf.all(name -> new Refs(Refs.Action.of(name)), "list", "set", "mv", "rm")));
    return entries;
  }

  private static Command make(String name) {
    return switch (name) {
      case "init" -> new Init();
      case "create-image" -> new CreateImage();
      case "compute-id" -> new ComputeTree(ComputeTree.Print.ID);
      case "compute-karg" -> new ComputeTree(ComputeTree.Print.KERNEL_ARGUMENT);
      case "create-dumpfile" -> new ComputeTree(ComputeTree.Print.DUMP);
      case "import-image" -> new ImportImage();
      case "images", "list-images" -> new Images(name);
      case "image-objects" -> new ImageObjects();
      case "dump-files" -> new DumpFiles();
      case "cat" -> new Cat();
      case "copy" -> new Copy();
      case "stat" -> new Usage();
      case "gc" -> new Gc();
      case "fsck" -> new Check();
      case "export" -> new Export();
      case "verify" -> new Verify();
      case "streams" -> new Streams();
      case "transaction" -> new HoldTransaction();
      default -> throw new IllegalArgumentException(name);
    };
  }
}
