package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Transaction.ImportedImage;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.List;

/** {@code import-image}: a ready image from standard input (repository.md 8.2). */
final class ImportImage extends RepositoryCommand {
  @Override
  Definition own() {
    return Definition.command("import-image", "store the image on standard input, print its digest")
        .operand("REF", "a name for the image")
        .describe(
            "The image is checked first. Objects of its files that the repository lacks are told"
                + " on standard error.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    ImportedImage imported;
    try (Repository open = repository.open();
        Transaction transaction = open.begin()) {
      imported = transaction.importImage(Channels.newChannel(console.in()), operands.getFirst());
      transaction.commit();
    }
    console.println(CreateImage.prefixed(imported.digest()));
    imported.missing().forEach(digest -> console.err().println("missing object: " + digest.hex()));
    return 0;
  }
}
