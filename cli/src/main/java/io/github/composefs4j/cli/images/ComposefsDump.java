package io.github.composefs4j.cli.images;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.ImageFile;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.tree.FileTree;
import java.io.IOException;
import java.util.List;

/** {@code composefs-dump}: an image written again in its own version (dump-format.md 13.3). */
public final class ComposefsDump implements Command {
  @Override
  public Definition definition() {
    return Definition.dropIn(
            Grammar.OPERANDS, "composefs-dump", "read a composefs image and write it again")
        .operand("SRC", "the image to read")
        .operand("DEST", "the image to write; it may be SRC")
        .describe(
            "Reads the image SRC and writes it to DEST in the format version it has, 0 or 1. An"
                + " image that composefs wrote is reproduced byte for byte. There are no options:"
                + " every argument is an operand, and those after the second are ignored.")
        .describe(
            "DEST is replaced when the new image is complete, and untouched after any failure.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (operands.size() < 2) {
      throw new UsageException(
          (operands.isEmpty() ? "no source path" : "no destination path")
              + "; usage: "
              + definition().usage());
    }
    String source = operands.getFirst();
    FileTree tree;
    FormatVersion version;
    try (ErofsImage image =
        ErofsImage.open(ImageBytes.open(Arguments.path(source), source), ImageProfile.COMPOSEFS)) {
      version = image.version();
      if (version == FormatVersion.V2) {
        throw new UnsupportedFormatException(source, "version 2 images are not written again");
      }
      tree = image.toTree();
    }
    ImageFile.at(Arguments.path(operands.get(1)))
        .write(out -> ImageWriter.write(tree, ImageOptions.of(version).withDigest(null), out));
    return 0;
  }
}
