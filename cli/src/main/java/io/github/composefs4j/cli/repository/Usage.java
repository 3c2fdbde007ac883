package io.github.composefs4j.cli.repository;

import com.google.gson.stream.JsonWriter;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryUsage;
import io.github.composefs4j.core.repository.RepositoryUsage.ImageUsage;
import io.github.composefs4j.core.repository.RepositoryUsage.SourceUsage;
import io.github.composefs4j.core.sources.SourceStatus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code stat}: how much a repository holds, and what its images share. */
final class Usage extends RepositoryCommand {
  private boolean json;

  @Override
  Definition own() {
    return Definition.command("stat", "say how much the repository holds and what images share")
        .flag("json", "print JSON", () -> json = true)
        .describe(
            "Of each image: its own size, the objects of its files, the bytes of those that no"
                + " other image refers to, and of those that others share. Of each source: which of the"
                + " images' objects it has, how many of these neither the repository nor a source"
                + " before it has, and, as JSON, what was asked of it.");
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
            out.endArray();
            if (!usage.sources().isEmpty()) {
              out.name("sources").beginArray();
              for (SourceUsage source : usage.sources()) {
                source(out, source);
              }
              out.endArray();
            }
            out.endObject();
          });
      return 0;
    }
    console.println("objects: " + usage.objects() + ", " + usage.bytes() + " bytes");
    console.println(
        "shared by images: " + usage.sharedObjects() + ", " + usage.sharedBytes() + " bytes");
    for (SourceUsage source : usage.sources()) {
      console.println(
          "source "
              + source.status().name()
              + ": "
              + source.objects()
              + " objects of the images, "
              + source.needed()
              + " of them nowhere before"
              + (trouble(source.status()) == null ? "" : "; " + trouble(source.status())));
    }
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

  private static @Nullable String trouble(SourceStatus status) {
    return status.trouble() == null ? status.failure() : status.trouble();
  }

  private static void source(JsonWriter out, SourceUsage source) throws IOException {
    SourceStatus status = source.status();
    out.beginObject().name("name").value(status.name());
    out.name("trouble").value(trouble(status));
    out.name("objects").value(source.objects());
    out.name("needed").value(source.needed());
    out.name("hits").value(status.hits());
    out.name("misses").value(status.misses());
    out.name("failures").value(status.failures());
    out.name("corrupt").value(status.corrupt());
    out.name("timeouts").value(status.timeouts());
    out.name("bytes").value(status.bytes());
    out.name("promoted").value(status.promoted());
    out.endObject();
  }
}
