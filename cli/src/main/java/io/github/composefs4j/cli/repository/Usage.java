package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryUsage;
import io.github.composefs4j.core.repository.RepositoryUsage.ImageUsage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code stat}: how much a repository holds, and what its images share. */
final class Usage extends RepositoryCommand {
  private boolean json;

  @Override
  Definition own() {
    return Definition.command("stat", "say how much the repository holds and what images share")
        .flag("json", "print JSON", () -> json = true)
        .describe(
            "Of each image: its own size, the objects of its files, the bytes of those that no"
                + " other image refers to, and of those that others share.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    RepositoryUsage usage;
    try (Repository open = repository.open()) {
      usage = RepositoryUsage.of(open);
    }
    if (json) {
      Json.print(
          console,
          out -> {
            out.beginObject().name("objects").value(usage.objects());
            out.name("bytes").value(usage.bytes());
            out.name("shared_objects").value(usage.sharedObjects());
            out.name("shared_bytes").value(usage.sharedBytes());
            out.name("images").beginArray();
            for (ImageUsage image : usage.images()) {
              out.beginObject().name("digest").value(image.digest().hex()).name("names");
              out.beginArray();
              for (String ref : image.refs()) {
                out.value(ref);
              }
              out.endArray().name("image_bytes").value(image.imageBytes());
              out.name("objects").value(image.objects());
              out.name("unique_bytes").value(image.uniqueBytes());
              out.name("shared_bytes").value(image.sharedBytes());
              out.name("missing").value(image.missing()).endObject();
            }
            out.endArray().endObject();
          });
      return 0;
    }
    console.println("objects: " + usage.objects() + ", " + usage.bytes() + " bytes");
    console.println(
        "shared by images: " + usage.sharedObjects() + ", " + usage.sharedBytes() + " bytes");
    if (usage.images().isEmpty()) {
      return 0;
    }
    List<List<String>> rows = new ArrayList<>();
    for (ImageUsage image : usage.images()) {
      rows.add(
          List.of(
              image.digest().hex().substring(0, Images.SHORT),
              String.join(" ", image.refs()),
              Long.toString(image.imageBytes()),
              Long.toString(image.objects()),
              Long.toString(image.uniqueBytes()),
              Long.toString(image.sharedBytes()),
              Long.toString(image.missing())));
    }
    Table.print(
        console,
        List.of("DIGEST", "NAMES", "IMAGE", "OBJECTS", "UNIQUE", "SHARED", "MISSING"),
        rows);
    return 0;
  }
}
