package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Interruption;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.export.TreeExport;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** {@code export}: an image becomes a directory again. */
final class Export extends RepositoryCommand {
  private final ImageOperand operand = new ImageOperand();
  private TreeExport.Metadata metadata = TreeExport.Metadata.COMPLETE;

  /** Set by a signal, which then waits until what was written is removed. */
  private volatile boolean stopped;

  private final CountDownLatch over = new CountDownLatch(1);

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
    Interruption.atEnd(this::stop);
    try (ImageOperand.Opened open = operand.open(operands.getFirst(), repository);
        Progress progress = new Progress(console)) {
      result =
          TreeExport.write(
              open.image().toTree(),
              Host.platform(),
              Arguments.path(operands.get(1)),
              open.objects(),
              metadata,
              (inodes, bytes) -> {
                if (stopped) {
                  throw new UncheckedIOException(new InterruptedIOException("interrupted"));
                }
                progress.show("writing files", inodes, bytes);
              });
      progress.erase();
      open.warn(console);
    } finally {
      over.countDown();
    }
    if (result.skipped() > 0) {
      console.err().println("left out " + result.skipped() + " owners, attributes and devices");
    }
    return 0;
  }

  private void stop() {
    stopped = true;
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
