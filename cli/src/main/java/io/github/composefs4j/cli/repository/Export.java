package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.export.TreeExport;
import java.io.IOException;
import java.util.List;

/** {@code export}: an image becomes a directory again. */
final class Export extends RepositoryCommand {
  private final ImageOperand operand = new ImageOperand();
  private TreeExport.Metadata metadata = TreeExport.Metadata.COMPLETE;

  @Override
  Definition own() {
    return operand
        .addTo(
            Definition.command("export", "write an image's tree into a directory")
                .operand(ImageOperand.NAME, ImageOperand.HELP))
        .operand("DIR", "made if it is missing, otherwise empty")
        .flag(
            "as-allowed",
            "leave out owners, attributes and devices that may not be set here",
            () -> metadata = TreeExport.Metadata.AS_ALLOWED)
        .describe(
            "All metadata and hard links are kept, content is verified, and blocks are shared with"
                + " the objects where the file system can. After a failure the directory is empty.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    TreeExport.Result result;
    try (ImageOperand.Opened open = operand.open(operands.getFirst(), repository);
        Progress progress = new Progress(console)) {
      result =
          TreeExport.write(
              open.image().toTree(),
              Host.platform(),
              Arguments.path(operands.get(1)),
              open.objects(),
              metadata,
              (inodes, bytes) -> progress.show("writing files", inodes, bytes));
      progress.erase();
      open.warn(console);
    }
    if (result.skipped() > 0) {
      console.err().println("left out " + result.skipped() + " owners, attributes and devices");
    }
    return 0;
  }
}
