package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Fields;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Repository;
import java.io.IOException;
import java.util.List;

/** {@code streams}: the content ids of all streams. */
final class Streams extends RepositoryCommand {
  @Override
  Definition own() {
    return Definition.command("streams", "list the content ids of all streams");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    try (Repository open = repository.open()) {
      for (String entry : open.entries(Category.STREAMS)) {
        console.println(Fields.escape(entry, ""));
      }
    }
    return 0;
  }
}
