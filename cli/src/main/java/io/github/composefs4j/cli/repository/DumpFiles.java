package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** {@code dump-files}: dump lines of some files of an image, or where their content is. */
final class DumpFiles extends RepositoryCommand {
  private boolean backing;

  @Override
  Definition own() {
    return Definition.command("dump-files", "print dump lines of files in an image")
        .operand("NAME", "a digest, refs/REF, or a REF without a slash")
        .repeated("FILE", "a path in the image; of a directory all below it too", true)
        .flag(
            "backing-path-only",
            "print where the content of files is: inline, or the object's path",
            () -> backing = true);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    FileTree tree;
    try (Repository open = repository.open();
        ErofsImage image = open.openImage(operands.getFirst())) {
      tree = image.toTree();
    }
    List<String> paths = operands.subList(1, operands.size());
    List<Inode> inodes = new ArrayList<>();
    for (String path : paths) {
      inodes.add(find(tree, path));
    }
    for (int i = 0; i < paths.size(); i++) {
      String path = paths.get(i);
      if (backing) {
        console.println(path + " " + backing(path, inodes.get(i)));
      } else {
        DumpWriter.writeBelow(
            inodes.get(i), Arguments.bytes(path), DumpFiles::isMark, console.out());
      }
    }
    return 0;
  }

  private static Inode find(FileTree tree, String path) throws IOException, UsageException {
    if (path.isEmpty()) {
      throw new UsageException("a FILE is a path in the image, and not empty");
    }
    String plain =
        Arrays.stream(path.split("/"))
            .filter(name -> !name.equals("."))
            .collect(Collectors.joining("/"));
    Inode inode = tree.find(plain);
    if (inode == null) {
      throw new IOException(path + " not found");
    }
    return inode;
  }

  /** What the writer marks directories with that hold whiteouts; cfsctl does not show it. */
  private static boolean isMark(byte[] xattr) {
    String name = FileName.decode(xattr);
    return name.equals("trusted.overlay.opaque") || name.equals("user.overlay.opaque");
  }

  private static String backing(String path, Inode inode) throws IOException {
    return switch (inode) {
      case Directory _ -> throw new IOException(path + " is a directory");
      case RegularFile file when file.content() instanceof Content.External external ->
          external.path() == null ? "inline" : FileName.decode(external.path());
      default -> "inline";
    };
  }
}
