package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.Repository;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code images}, {@code list-images}: the images that have names. */
final class Images extends RepositoryCommand {
  /** Digits of a digest that is cut short. */
  static final int SHORT = 12;

  private final String name;
  private boolean json;
  private boolean whole;

  Images(String name) {
    this.name = name;
  }

  @Override
  Definition own() {
    return Definition.command(name, "list the images that have names")
        .flag("json", "print JSON", () -> json = true)
        .flag("no-trunc", "print whole digests", () -> whole = true);
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    List<Ref> refs;
    try (Repository open = repository.open()) {
      refs = open.refs(Category.IMAGES);
    }
    if (json) {
      Json.print(
          console,
          out -> {
            out.beginObject().name("images").beginArray();
            for (Ref ref : refs) {
              out.beginObject().name("name").value(ref.name());
              out.name("digest").value(ref.entry()).endObject();
            }
            out.endArray().endObject();
          });
      return 0;
    }
    if (refs.isEmpty()) {
      console.println("No images found");
      return 0;
    }
    List<List<String>> rows = new ArrayList<>();
    for (Ref ref : refs) {
      String digest = ref.entry();
      rows.add(
          List.of(
              ref.name(), whole || digest.length() <= SHORT ? digest : digest.substring(0, SHORT)));
    }
    Table.print(console, List.of("NAME", "DIGEST"), rows);
    return 0;
  }
}
