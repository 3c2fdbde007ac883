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
import java.util.List;

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
    for (String path : operands.subList(1, operands.size())) {
      Inode inode = tree.find(path);
      if (inode == null) {
        throw new IOException(path + " not found");
      }
      if (backing) {
        console.println(path + " " + backing(path, inode));
      } else {
        DumpWriter.writeBelow(inode, Arguments.bytes(path), DumpFiles::isMark, console.out());
      }
    }
    return 0;
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
