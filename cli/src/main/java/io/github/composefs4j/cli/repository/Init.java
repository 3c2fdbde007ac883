package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Repository.InitOptions;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** {@code init}: makes or confirms a repository (repository.md 3.5). */
final class Init extends RepositoryCommand {
  private HashAlgorithm algorithm = HashAlgorithm.SHA512;
  private boolean reset;
  private boolean ensure;

  @Override
  Definition own() {
    return Definition.command("init", "make a repository, or confirm that there is one")
        .optional("PATH", "where; otherwise as --repo, --user and --system say")
        .option(
            "algorithm",
            "fsverity-sha256-12|fsverity-sha512-12",
            "the algorithm of all digests; fsverity-sha512-12 if it is not given",
            v -> algorithm = algorithm(v))
        .flag("reset-metadata", "remove all names first, keep objects", () -> reset = true)
        .flag(
            "ensure",
            "keep an existing repository as it is configured, and upgrade an old one",
            () -> ensure = true)
        .describe(
            "The repository is secure unless --insecure is given: its file system must have"
                + " fs-verity. PATH comes before --repo; --hash and --require-verity mean nothing"
                + " here.");
  }

  private static HashAlgorithm algorithm(String text) throws UsageException {
    for (HashAlgorithm each : HashAlgorithm.values()) {
      if (RepositoryConfig.of(each, FormatVersion.V1).algorithmName().equals(text)) {
        return each;
      }
    }
    throw new UsageException(
        "--algorithm is fsverity-sha256-12 or fsverity-sha512-12, not '" + text + "'");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    Path path = operands.isEmpty() ? repository.path() : Arguments.path(operands.getFirst());
    FormatVersion asked = repository.format();
    RepositoryConfig config =
        RepositoryConfig.of(algorithm, asked == null ? FormatVersion.V1 : asked);
    Platform platform = Host.platform();
    Repository.Initialized done =
        Repository.init(
            platform,
            path,
            config,
            new InitOptions(!repository.insecure(), ensure, reset, Waiting.FOREVER));
    String name = operands.isEmpty() ? path.toString() : operands.getFirst();
    switch (done) {
      case CREATED -> {
        console.println("Initialized composefs repository at " + name);
        console.println("  algorithm: " + config.algorithmName());
        console.println(
            "  verity:    " + (repository.insecure() ? "not required (insecure)" : "required"));
      }
      case ALREADY ->
          console.println(
              "Repository already initialized at "
                  + name
                  + (ensure ? " (existing configuration preserved)" : ""));
      case UPGRADED -> console.println("Upgraded legacy repository at " + name);
    }
    return 0;
  }
}
