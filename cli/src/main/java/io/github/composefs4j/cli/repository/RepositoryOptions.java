package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Failures;
import io.github.composefs4j.cli.command.Host;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.ObjectSources;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.OpenOptions.Security;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.sources.SourceStatus;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which repository, and how it is used: options that may stand before the command's name too. */
public final class RepositoryOptions {
  private static final Path SYSTEM = Path.of("/sysroot/composefs");
  private static final String USER = ".var/lib/composefs";

  private @Nullable Path repo;
  private boolean user;
  private boolean system;
  private @Nullable HashAlgorithm hash;
  private @Nullable FormatVersion format;
  private boolean requireVerity;
  private boolean insecure;
  private boolean noUpgrade;
  private boolean noRepo;
  private final List<Path> sources = new ArrayList<>();
  private boolean promote;

  /** Adds the options to a command's definition. */
  public Definition addTo(Definition definition) {
    return definition
        .option("repo", "REPO", "the repository", v -> repo = Arguments.path(v))
        .flag("user", "the repository is $HOME/.var/lib/composefs", () -> user = true)
        .flag("system", "the repository is /sysroot/composefs", () -> system = true)
        .option(
            "hash",
            "sha256|sha512",
            "the algorithm that the repository must have",
            v -> hash = Arguments.algorithm(v))
        .option("erofs-version", "0|1|2", "make images of this format", v -> format = format(v))
        .flag("require-verity", "refuse an insecure repository", () -> requireVerity = true)
        .flag("insecure", "do not insist on fs-verity", () -> insecure = true)
        .flag("no-upgrade", "do not give an old repository a meta.json", () -> noUpgrade = true)
        .flag("no-repo", "use no repository, for ids and dumps only", () -> noRepo = true)
        .option(
            "source",
            "DIR",
            "where objects may be besides: another repository or a directory of objects; may be"
                + " repeated, asked in order",
            v -> sources.add(Arguments.path(v)))
        .flag(
            "promote", "copy what is read from a source into the repository", () -> promote = true);
  }

  static FormatVersion format(String text) throws UsageException {
    FormatVersion version =
        text.length() == 1 ? FormatVersion.of(Character.digit(text.charAt(0), 10)) : null;
    if (version == null) {
      throw new UsageException("an image format is 0, 1 or 2, not '" + text + "'");
    }
    return version;
  }

  @Nullable HashAlgorithm hash() {
    return hash;
  }

  @Nullable FormatVersion format() {
    return format;
  }

  boolean insecure() {
    return insecure;
  }

  boolean noRepo() {
    return noRepo;
  }

  /** {@return where the repository is} */
  Path path() throws IOException, UsageException {
    if ((repo != null ? 1 : 0) + (user ? 1 : 0) + (system ? 1 : 0) > 1) {
      throw new UsageException("--repo, --user and --system exclude each other");
    }
    if (repo != null) {
      return repo;
    }
    if (system || !user && isRoot()) {
      return SYSTEM;
    }
    String home = System.getenv("HOME");
    if (home == null || home.isEmpty()) {
      throw new IOException("HOME is not set; name a repository with --repo");
    }
    return Path.of(home, USER);
  }

  private static boolean isRoot() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
  }

  /** {@return the repository, which the caller closes} */
  public Repository open() throws IOException, UsageException {
    return open(OpenOptions.DEFAULT);
  }

  /** {@return the repository, opened in this way as far as no option says otherwise} */
  Repository open(OpenOptions options) throws IOException, UsageException {
    if (noRepo) {
      throw new IOException("this command needs a repository: --no-repo does not go with it");
    }
    return Repository.open(
        Host.platform(),
        path(),
        options
            .withExpected(hash)
            .withSecurity(
                requireVerity ? Security.REQUIRED : insecure ? Security.INSECURE : Security.AS_IS)
            .withUpgrade(!noUpgrade)
            .withFormat(format)
            .withSources(sources()));
  }

  /** {@return where objects may be besides the repository} */
  ObjectSources sources() {
    return ObjectSources.at(Host.platform(), sources).withPromotion(promote);
  }

  /** Tells what was wrong with sources that were passed over: the work may have been done. */
  static void warn(Repository open, Console console) {
    warn(open.sourceStatus(), console);
  }

  static void warn(List<SourceStatus> sources, Console console) {
    for (SourceStatus source : sources) {
      String trouble = source.trouble() == null ? source.failure() : source.trouble();
      if (trouble != null) {
        console.err().println("source " + Failures.oneLine(source.name() + ": " + trouble));
      }
      if (source.corrupt() > 0) {
        console
            .err()
            .println(
                "source "
                    + Failures.oneLine(source.name())
                    + ": "
                    + source.corrupt()
                    + " objects damaged");
      }
    }
  }

  /** {@return the repository, or null if there is none or none is to be used} */
  @Nullable Repository openIfThere() throws IOException, UsageException {
    Path path = noRepo ? null : path();
    boolean there = path != null && Files.exists(path.resolve("meta.json"));
    return there ? open(OpenOptions.DEFAULT) : null;
  }
}
