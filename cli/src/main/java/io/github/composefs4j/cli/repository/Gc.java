package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Failures;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Waiting;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** {@code gc}: removes what no name reaches (repository.md, section 10). */
final class Gc extends RepositoryCommand {
  private final List<String> roots = new ArrayList<>();
  private boolean dryRun;
  private boolean json;
  private Waiting waiting = Waiting.FOREVER;
  private Duration grace = Duration.ZERO;

  @Override
  Definition own() {
    return Definition.command("gc", "remove what no name reaches")
        .option('r', "root", "NAME", "keep this image or stream too; may be repeated", roots::add)
        .option('n', "dry-run", null, "only say what would be removed", _ -> dryRun = true)
        .flag("json", "print JSON", () -> json = true)
        .flag("wait", "wait for others who use the repository; the default", this::waitForever)
        .flag("no-wait", "fail if others use the repository", () -> waiting = Waiting.NONE)
        .option(
            "timeout",
            "SECONDS",
            "wait for others at most this long",
            v -> waiting = Waiting.atMost(Duration.ofSeconds(Arguments.number("--timeout", v, 0))))
        .option(
            "grace",
            "SECONDS",
            "keep objects that got their name within this time",
            v -> grace = Duration.ofSeconds(Arguments.number("--grace", v, 0)))
        .failure("something that is kept is damaged, or what a mount needs cannot be told")
        .describe(
            "Images that are mounted are kept. What is not as it must be is told on standard"
                + " error, and does not stop a collection unless it hides what is needed: then"
                + " nothing is removed.");
  }

  private void waitForever() {
    waiting = Waiting.FOREVER;
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    GcResult result;
    try (Repository open = repository.open();
        Progress progress = new Progress(console)) {
      tellUnknownRoots(open, console);
      result =
          open.collect(
              GcOptions.defaults()
                  .withDryRun(dryRun)
                  .withExtraRoots(roots)
                  .withWaiting(waiting)
                  .withGrace(grace)
                  .withProgress((objects, bytes) -> progress.show("collecting", objects, bytes)));
    }
    if (json) {
      json(console, result);
    } else {
      text(console, result);
    }
    if (result.stopped()) {
      throw new IOException("nothing was removed: what must be kept cannot be told");
    }
    return 0;
  }

  /** They are passed over, so that who mistyped one had better know. */
  private void tellUnknownRoots(Repository open, Console console) throws IOException {
    if (roots.isEmpty()) {
      return;
    }
    Set<String> unknown = new LinkedHashSet<>(roots);
    for (Category category : Category.values()) {
      open.entries(category).forEach(unknown::remove);
    }
    for (String root : unknown) {
      console.err().println("root '" + Failures.oneLine(root) + "': no such image or stream");
    }
  }

  private static void text(Console console, GcResult result) throws IOException {
    if (result.dryRun()) {
      console.println("Dry run (no files deleted):");
    }
    console.println("Objects: " + result.objects() + " removed (" + result.bytes() + " bytes)");
    if (result.imageLinks() > 0 || result.streamLinks() > 0) {
      console.println(
          "Pruned symlinks: "
              + result.imageLinks()
              + " images, "
              + result.streamLinks()
              + " streams");
    }
    for (Finding finding : result.findings()) {
      console.err().println(finding.text());
    }
  }

  private static void json(Console console, GcResult result) throws IOException {
    Json.print(
        console,
        out -> {
          out.beginObject().name("dry_run").value(result.dryRun());
          out.name("stopped").value(result.stopped());
          out.name("objects_removed").value(result.objects());
          out.name("bytes_removed").value(result.bytes());
          out.name("images_pruned").value(result.imageLinks());
          out.name("streams_pruned").value(result.streamLinks());
          out.name("temporaries_removed").value(result.temporaries());
          out.name("objects_kept").value(result.kept());
          out.name("findings").beginArray();
          for (Finding finding : result.findings()) {
            out.value(finding.text());
          }
          out.endArray().endObject();
        });
  }
}
