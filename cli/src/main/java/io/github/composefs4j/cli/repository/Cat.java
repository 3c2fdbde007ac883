package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import java.io.IOException;
import java.util.List;

/** {@code cat}: the content of a stream, each object of it verified. */
final class Cat extends RepositoryCommand {
  @Override
  Definition own() {
    return Definition.command("cat", "print the content of a stream")
        .operand("NAME", "a content id, or refs/REF");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    try (Repository open = repository.open()) {
      open.cat(operands.getFirst(), console.out());
      RepositoryOptions.warn(open, console);
    }
    return 0;
  }
}
