package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.nio.ComposefsFileSystem;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

/** {@code cat}: the content of a stream, or of a file in an image; all of it verified. */
final class Cat extends RepositoryCommand {
  private final ImageOperand operand = new ImageOperand();

  @Override
  Definition own() {
    return operand
        .addTo(
            Definition.command("cat", "print the content of a stream, or of a file in an image")
                .operand(ImageOperand.NAME, "a stream: its content id, or refs/REF; or an image"))
        .optional("FILE", "with an image, which may be a file: a path in it; links are followed")
        .describe(
            "Of a stream, each object is checked before any of it is printed; of a file, each"
                + " block.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String name = operands.getFirst();
    if (operands.size() > 1) {
      file(name, operands.get(1), console);
      return 0;
    }
    try (Repository open = repository.open()) {
      open.cat(name, console.out());
      RepositoryOptions.warn(open, console);
    }
    return 0;
  }

  private void file(String name, String path, Console console) throws IOException, UsageException {
    try (ImageOperand.Opened open = operand.open(name, repository);
        ComposefsFileSystem files =
            ComposefsFileSystem.of(
                open.image(),
                new ImageContents(
                    List.of(open.objects()), new Verifier(VerifyOptions.defaults())))) {
      Files.copy(files.getPath("/").resolve(path), console.out());
      open.warn(console);
    }
  }
}
