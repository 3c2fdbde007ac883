package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code copy}: an image with all objects of its files from another repository. */
final class Copy extends RepositoryCommand {
  private @Nullable Path from;
  private @Nullable String ref;

  @Override
  Definition own() {
    return Definition.command("copy", "copy an image from another repository, print its digest")
        .operand("NAME", "a digest, refs/REF, or a REF without a slash, in the other repository")
        .option("from", "REPO", "the other repository; required", v -> from = Arguments.path(v))
        .option("name", "REF", "a name for the image here", v -> ref = v)
        .describe("Objects that are here are not copied again; all that arrives is verified.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (from == null) {
      throw new UsageException("--from is missing; see --help");
    }
    String name = operands.getFirst();
    Digest digest;
    try (Repository open = repository.open();
        Repository source =
            Repository.open(Host.platform(), from, OpenOptions.DEFAULT.withUpgrade(false));
        Transaction transaction = open.begin();
        Progress progress = new Progress(console)) {
      digest = source.resolveImage(name);
      transaction.copyImage(
          source, digest.hex(), ref, (objects, bytes) -> progress.show("copying", objects, bytes));
      transaction.commit();
    }
    console.println(CreateImage.prefixed(digest));
    return 0;
  }
}
