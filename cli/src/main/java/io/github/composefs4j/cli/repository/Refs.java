package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Fields;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.Repository;
import java.io.IOException;
import java.util.List;

/** {@code ref list|set|mv|rm}: the names that keep images and streams from being collected. */
final class Refs extends RepositoryCommand {
  /** What is done. */
  enum Action {
    LIST,
    SET,
    MOVE,
    REMOVE;

    /** {@return the action of this command} */
    static Action of(String command) {
      return switch (command) {
        case "list" -> LIST;
        case "set" -> SET;
        case "mv" -> MOVE;
        case "rm" -> REMOVE;
        default -> throw new IllegalArgumentException(command);
      };
    }
  }

  private final Action action;
  private Category category = Category.IMAGES;

  Refs(Action action) {
    this.action = action;
  }

  @Override
  Definition own() {
    Definition definition =
        switch (action) {
          case LIST -> Definition.command("list", "list names and what they lead to");
          case SET ->
              Definition.command("set", "make or replace a name")
                  .operand("REF", "the name")
                  .operand("NAME", "a digest of an image, a content id of a stream, or refs/REF");
          case MOVE ->
              Definition.command("mv", "rename, replacing what has the new name")
                  .operand("REF", "the name")
                  .operand("NEW", "the new name");
          case REMOVE -> Definition.command("rm", "remove names").repeated("REF", "a name", false);
        };
    return definition.flag(
        "streams", "of streams; otherwise of images", () -> category = Category.STREAMS);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    try (Repository open = repository.open()) {
      switch (action) {
        case LIST -> {
          for (Ref ref : open.refs(category)) {
            console.println(
                Fields.escape(ref.name(), "\t") + "\t" + Fields.escape(ref.entry(), "\t"));
          }
        }
        case SET -> {
          String name = operands.get(1);
          String entry =
              category == Category.IMAGES
                  ? open.resolveImage(name).hex()
                  : open.resolveStream(name);
          open.setRef(category, operands.getFirst(), entry);
        }
        case MOVE -> open.moveRef(category, operands.getFirst(), operands.get(1));
        case REMOVE -> {
          for (String ref : operands) {
            open.removeRef(category, ref);
          }
        }
      }
    }
    return 0;
  }
}
