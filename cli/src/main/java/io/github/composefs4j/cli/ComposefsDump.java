package io.github.composefs4j.cli;

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

/**
 * {@code composefs-dump}: reads an image and writes it again in its own version (dump-format.md
 * 13.3).
 */
final class ComposefsDump implements Command {
  @Override
  public String usage() {
    return "composefs-dump SRC DEST";
  }

  @Override
  public List<GetOpt.Option> options() {
    return List.of();
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    if (args.size() < 2) {
      throw new UsageException(
          (args.isEmpty() ? "no source path" : "no destination path") + "; usage: " + usage());
    }
    String source = args.getFirst();
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
    ImageFile.write(
        Arguments.path(args.get(1)),
        out -> ImageWriter.write(tree, ImageOptions.of(version).withDigest(null), out));
    return 0;
  }
}
