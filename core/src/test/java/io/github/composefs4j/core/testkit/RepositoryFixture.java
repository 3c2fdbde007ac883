package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Repository.InitOptions;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** A repository on some platform that can lock, and images of a few files for it. */
public abstract class RepositoryFixture {
  protected static final InitOptions INSECURE =
      new InitOptions(false, false, false, Waiting.FOREVER);

  protected static final GcOptions NO_MOUNTS =
      GcOptions.defaults().withProcesses(Path.of("/nonexistent"));

  @TempDir protected Path directory;

  /** {@return the platform under test} */
  protected abstract Platform platform();

  protected Path path() {
    return directory.resolve("repo");
  }

  protected Repository create(RepositoryConfig config) throws IOException {
    Repository.init(platform(), path(), config, INSECURE);
    return open();
  }

  protected Repository create() throws IOException {
    return create(RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1));
  }

  protected Repository open() throws IOException {
    return Repository.open(platform(), path(), OpenOptions.DEFAULT);
  }

  /** A directory of a few files above and below the inline limit. */
  protected Path source(int seed) throws IOException {
    Path source = Files.createDirectories(directory.resolve("source" + seed));
    for (int i = 0; i < 10; i++) {
      Files.writeString(source.resolve("f" + i), ("text " + (seed + i) + " ").repeat(5 + 40 * i));
    }
    Files.writeString(source.resolve("small"), "small");
    return source;
  }

  protected Digest putImage(Repository repository, int seed, String ref) throws IOException {
    try (Transaction transaction = repository.begin()) {
      FileTree tree =
          transaction.scan(source(seed), false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest digest = transaction.putImage(tree, ref).getFirst().digest();
      transaction.commit();
      return digest;
    }
  }
}
