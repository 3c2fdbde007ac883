package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.ObjectSources;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.sources.UnionObjectStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code fsck}: checks a repository, and repairs it (repository.md, section 11). */
final class Check extends RepositoryCommand {
  private FsckOptions options = FsckOptions.defaults();
  private boolean json;
  private boolean repair;
  private final List<Path> from = new ArrayList<>();

  @Override
  Definition own() {
    return Definition.command("fsck", "check the repository")
        .flag("json", "print JSON", () -> json = true)
        .flag(
            "metadata-only",
            "leave out the content of objects but of images and streams",
            () -> options = options.withMetadataOnly(true))
        .option(
            "image",
            "NAME",
            "check one image with its objects only",
            v -> options = options.withImage(v))
        .flag(
            "repair",
            "fetch what is damaged or missing, put aside what cannot be repaired",
            () -> repair = true)
        .option(
            "from",
            "DIR",
            "with --repair: another repository, or directory of objects; may be repeated, asked in"
                + " order",
            v -> from.add(Arguments.path(v)))
        .failure("something is wrong, or still wrong after a repair")
        .describe(
            "What cannot be repaired is moved to the directory quarantine of the repository; the"
                + " report says what was done.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (repair == from.isEmpty()) {
      throw new UsageException("--repair and --from go together");
    }
    FsckReport report;
    try (Repository open = repository.open();
        Progress progress = new Progress(console)) {
      options = options.withProgress((objects, bytes) -> progress.show("checking", objects, bytes));
      report = repair ? repair(open, console) : open.check(options);
      progress.erase();
      RepositoryOptions.warn(open, console);
    }
    if (json) {
      json(console, report);
    } else {
      for (String line : report.lines()) {
        console.println(line);
      }
    }
    if (!report.isOk()) {
      throw new IOException("repository integrity check failed");
    }
    return 0;
  }

  private FsckReport repair(Repository open, Console console) throws IOException {
    try (UnionObjectStore sound = ObjectSources.at(Host.platform(), from).open(open.algorithm())) {
      RepairReport repaired = open.repair(options, sound, Waiting.FOREVER);
      for (String line : repaired.lines()) {
        console.err().println(line);
      }
      RepositoryOptions.warn(sound.status(), console);
      return repaired.after();
    }
  }

  private static void json(Console console, FsckReport report) throws IOException {
    Json.print(
        console,
        out -> {
          out.beginObject().name("ok").value(report.isOk());
          out.name("has_metadata").value(report.hasMetadata());
          out.name("objects_checked").value(report.objectsChecked());
          out.name("objects_corrupted").value(report.objectsCorrupted());
          out.name("streams_checked").value(report.streamsChecked());
          out.name("streams_corrupted").value(report.streamsCorrupted());
          out.name("images_checked").value(report.imagesChecked());
          out.name("images_corrupted").value(report.imagesCorrupted());
          out.name("broken_links").value(report.brokenLinks());
          out.name("missing_objects").value(report.missingObjects());
          out.name("errors").beginArray();
          for (Finding finding : report.findings()) {
            out.value(finding.text());
          }
          out.endArray().endObject();
        });
  }
}
