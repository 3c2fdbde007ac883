package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.List;

/** {@code image-objects}: the objects of an image's files. */
final class ImageObjects extends RepositoryCommand {
  @Override
  Definition own() {
    return Definition.command("image-objects", "list the objects that an image's files refer to")
        .operand("NAME", "a digest, refs/REF, or a REF without a slash");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    try (Repository open = repository.open()) {
      for (Digest digest : open.imageObjects(operands.getFirst())) {
        console.println(CreateImage.prefixed(digest));
      }
    }
    return 0;
  }
}
