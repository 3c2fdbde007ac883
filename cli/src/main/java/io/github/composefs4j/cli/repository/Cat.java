package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.nio.channels.Channels;
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
    try (Repository open = repository.open();
        Repository.Hold _ = open.hold();
        VerifiedStore objects = new VerifiedStore(open.objects())) {
      String entry = open.resolveStream(operands.getFirst());
      Digest digest = open.object(Category.STREAMS, entry);
      try (SplitStream stream =
          SplitStream.open(objects.open(digest), "stream " + entry, open.algorithm())) {
        stream.writeTo(
            StreamCodec.find().orElse(null),
            (object, out) -> {
              try (VerifiedReader reader = objects.open(object)) {
                return reader.copyTo(Channels.newChannel(out));
              }
            },
            console.out());
      }
    }
    return 0;
  }
}
