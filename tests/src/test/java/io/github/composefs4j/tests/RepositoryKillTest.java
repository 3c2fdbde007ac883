package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.OpenOptions.Durability;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two processes that change one repository are killed at a random instant, again and again: what
 * they had acknowledged is there, whole, and what they left is removed. {@code
 * -Dtest.worker.kills=N} kills.
 */
@Timeout(value = 3, unit = TimeUnit.HOURS)
class RepositoryKillTest {
  private static final int KILLS = Integer.getInteger("test.worker.kills", 20);
  private static final int LIFE_MILLIS = 400;

  @TempDir Path directory;

  private final Random random = new Random(Long.getLong("test.seed", System.nanoTime()));

  @Test
  void whatWasAcknowledgedIsWhole() throws Exception {
    // A file system of its own: syncs of others do not matter, and cost nothing in memory.
    try (LoopFileSystem memory = LoopFileSystem.tmpfs(directory.resolve("memory"), "size=1g");
        LoopFileSystem ext4 = LoopFileSystem.make("ext4", memory.path(), 800)) {
      kill(ext4.path().resolve("repository"));
    }
  }

  private void kill(Path repository) throws Exception {
    Repository.init(
        new LinuxPlatform(),
        repository,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    Pool pool = Pool.fill(Files.createDirectory(directory.resolve("pool")));
    RepositoryJudge judge = new RepositoryJudge(pool);
    long acknowledged = 0;
    long images = 0;
    long streams = 0;
    int temporaries = 0;
    for (int kills = 0; kills < KILLS; kills += 2) {
      List<WorkLog> logs = new ArrayList<>();
      try (WorkerProcess first = start(repository, pool, "w0");
          WorkerProcess second = start(repository, pool, "w1")) {
        first.awaitReady();
        second.awaitReady();
        Thread.sleep(random.nextInt(LIFE_MILLIS));
        for (WorkerProcess worker : List.of(first, second)) {
          worker.assertRuns();
          worker.kill();
          logs.add(worker.log());
        }
      }
      RepositoryJudge.Verdict verdict =
          judge.judge(
              repository,
              WorkLog.Expected.all(logs.stream().map(log -> log.expected(log)).toList()));
      assertThat(verdict.lost()).isEmpty();
      assertThat(verdict.incomplete()).isEmpty();
      temporaries += temporaries(repository);
      assertThat(judge.heal(repository, random)).isEmpty();
      assertThat(temporaries(repository)).isZero();
      images += verdict.images();
      streams += verdict.streams();
      acknowledged += logs.stream().mapToLong(WorkLog::acknowledged).sum();
    }
    System.out.printf(
        "%d kills, %d operations acknowledged, %d images and %d streams whole, %d temporaries removed%n",
        KILLS, acknowledged, images, streams, temporaries);
  }

  private WorkerProcess start(Path repository, Pool pool, String name) throws Exception {
    return WorkerProcess.start(repository, pool, name, random.nextLong(), Durability.FULL);
  }

  /** Hidden names where temporaries lie; a worker killed at once has not made {@code objects}. */
  private static int temporaries(Path repository) throws Exception {
    int temporaries = 0;
    for (Path directory : List.of(repository, repository.resolve("objects"))) {
      if (Files.exists(directory)) {
        try (Stream<Path> names = Files.list(directory)) {
          temporaries +=
              (int) names.filter(path -> path.getFileName().toString().startsWith(".")).count();
        }
      }
    }
    return temporaries;
  }
}
