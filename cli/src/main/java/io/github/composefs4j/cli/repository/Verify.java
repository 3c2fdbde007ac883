package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.List;

/** {@code verify}: an image and every object of its files, byte for byte. */
final class Verify extends RepositoryCommand {
  @Override
  Definition own() {
    return Definition.command("verify", "check an image and the content of all its files")
        .operand("NAME", "a digest, refs/REF, or a REF without a slash")
        .failure("something is missing or damaged")
        .describe("Each object that is missing or damaged is told on standard error.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String name = operands.getFirst();
    int bad = 0;
    List<Digest> objects;
    try (Repository open = repository.open();
        Repository.Hold _ = open.hold();
        VerifiedStore store = new VerifiedStore(open.objects())) {
      try (ErofsImage image = open.openImage(name)) {
        image.check();
      }
      objects = open.imageObjects(name);
      for (Digest digest : objects) {
        try (VerifiedReader reader = store.open(digest)) {
          reader.check();
        } catch (MissingObjectException | DigestMismatchException | StoreUnavailableException e) {
          console.err().println(e.getMessage());
          bad++;
        }
      }
      RepositoryOptions.warn(open, console);
    }
    if (bad > 0) {
      throw new IOException(
          name + ": " + bad + " of " + objects.size() + " objects are missing or damaged");
    }
    console.println(name + ": image and " + objects.size() + " objects ok");
    return 0;
  }
}
