package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.OpenOptions.Durability;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The power is cut while two processes change a repository. The file system of the repository lies
 * in a file on another one that can share blocks, so that one {@code FICLONE} tells what a disk
 * holds at an instant. Each copy is mounted, which replays its journal, and judged by what was
 * acknowledged before the instant; then its file system is checked. {@code -Dtest.powercuts=N}
 * instants for each file system; {@code -Dtest.large=N}: each Nth operation or so imports so much
 * that it is written back meanwhile.
 *
 * <p>The same without our syncs must find damage, or this would prove nothing.
 */
@Timeout(value = 3, unit = java.util.concurrent.TimeUnit.HOURS)
class PowerCutTest {
  private static final int CUTS = Integer.getInteger("test.powercuts", 20);
  private static final int BATCH = Math.clamp(CUTS / 2, 1, 25);
  private static final int LARGE_EVERY = Integer.getInteger("test.large", 60);
  private static final int CONTROL_CUTS = 4;
  private static final int CONTROL_ROUNDS = 10;

  /** What lies between two instants at most; longer without syncs, for the kernel's own commits. */
  private static final int PAUSE_MILLIS = 300;

  private static final int CONTROL_PAUSE_MILLIS = 1000;
  private static final long MEGABYTES = 512;

  @TempDir Path directory;

  private final Random random = new Random(Long.getLong("test.seed", System.nanoTime()));
  private LoopFileSystem memory;
  private LoopFileSystem outer;
  private Path disk;
  private Path mountPoint;
  private Pool pool;
  private RepositoryJudge judge;
  private long acknowledged;
  private long large;
  private long images;
  private long streams;

  @BeforeEach
  void makeRoom() throws Exception {
    // In memory: a flush costs nothing then, so that more happens between two instants.
    memory = LoopFileSystem.tmpfs(directory.resolve("memory"), "size=4g");
    outer = LoopFileSystem.make("xfs", memory.path(), 4 << 10);
    disk = outer.path().resolve("disk");
    mountPoint = Files.createDirectory(directory.resolve("mount"));
    pool = Pool.fill(Files.createDirectory(directory.resolve("pool")));
    judge = new RepositoryJudge(pool);
  }

  @AfterEach
  void unmount() throws IOException {
    outer.close();
    memory.close();
  }

  /** When a file system makes durable what nobody asks it for. */
  enum Habit {
    /** As late as it can: what nobody synced is lost. */
    LATE,
    /** Names at once, contents late: what was named before it was synced is incomplete. */
    NAMES_FIRST;

    String[] options(String type) {
      return type.equals("xfs")
          ? new String[] {"nouuid"}
          : new String[] {this == LATE ? "commit=600" : "commit=1"};
    }
  }

  /** An instant at which the power was cut. */
  private record Cut(Path copy, WorkLog.Expected expected) {}

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs"})
  void whatWasAcknowledgedSurvives(String type) throws Exception {
    format(type);
    int done = 0;
    for (int batch = 0; done < CUTS; batch++) {
      Habit habit = Habit.values()[batch % 2];
      for (Cut cut : cuts(type, habit, Durability.FULL, Math.min(BATCH, CUTS - done))) {
        try (LoopFileSystem copy = mount(cut.copy(), type, habit)) {
          Path repository = copy.path().resolve("repository");
          RepositoryJudge.Verdict verdict = judge.judge(repository, cut.expected());
          assertThat(verdict.lost()).isEmpty();
          assertThat(verdict.incomplete()).isEmpty();
          images += verdict.images();
          streams += verdict.streams();
          assertThat(judge.heal(repository, random)).isEmpty();
          copy.unmount();
          checkFileSystem(type, cut.copy());
        }
        Files.delete(cut.copy());
        done++;
      }
    }
    System.out.printf(
        "%s: %d power cuts, %d operations acknowledged, %d large imports, %d images and %d streams whole%n",
        type, done, acknowledged, large, images, streams);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs"})
  void withoutOurSyncsMuchIsDamaged(String type) throws Exception {
    format(type);
    int cuts = 0;
    int lost = 0;
    int incomplete = 0;
    // As often as it takes: on a slow machine little may happen between two instants.
    for (int round = 0; round < CONTROL_ROUNDS && (lost == 0 || incomplete == 0); round++) {
      for (Habit habit : Habit.values()) {
        for (Cut cut : cuts(type, habit, Durability.RELAXED, CONTROL_CUTS)) {
          try (LoopFileSystem copy = mount(cut.copy(), type, habit)) {
            RepositoryJudge.Verdict verdict =
                judge.judge(copy.path().resolve("repository"), cut.expected());
            lost += verdict.lost().isEmpty() ? 0 : 1;
            incomplete += verdict.incomplete().isEmpty() ? 0 : 1;
            copy.unmount();
          }
          Files.delete(cut.copy());
          cuts++;
        }
      }
    }
    System.out.printf(
        "%s without syncs: of %d power cuts %d lost names, %d left some incomplete%n",
        type, cuts, lost, incomplete);
    assertThat(lost).isPositive();
    assertThat(incomplete).isPositive();
  }

  private void format(String type) throws Exception {
    LoopFileSystem.format(type, disk, MEGABYTES);
    try (LoopFileSystem fresh = mount(disk, type, Habit.LATE)) {
      Repository.init(
          new LinuxPlatform(),
          fresh.path().resolve("repository"),
          RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
          new Repository.InitOptions(false, false, false, Waiting.FOREVER));
      fresh.unmount();
    }
  }

  private LoopFileSystem mount(Path file, String type, Habit habit) throws Exception {
    return LoopFileSystem.mount(file, mountPoint, habit.options(type));
  }

  /** Workers run, and the power is cut several times; each cut is another world. */
  private List<Cut> cuts(String type, Habit habit, Durability durability, int count)
      throws Exception {
    List<Cut> cuts = new ArrayList<>();
    try (LoopFileSystem original = mount(disk, type, habit)) {
      Path repository = original.path().resolve("repository");
      try (WorkerProcess first = start(repository, "w0", durability);
          WorkerProcess second = start(repository, "w1", durability)) {
        List<WorkerProcess> workers = List.of(first, second);
        for (WorkerProcess worker : workers) {
          worker.awaitReady();
        }
        while (cuts.size() < count) {
          awaitInstant(first, durability == Durability.FULL ? PAUSE_MILLIS : CONTROL_PAUSE_MILLIS);
          if (habit == Habit.NAMES_FIRST) {
            syncSomethingElse(original.path().resolve("else"));
          }
          cuts.add(cut(workers, outer.path().resolve("cut" + cuts.size())));
        }
        for (WorkerProcess worker : workers) {
          worker.assertRuns();
          acknowledged += worker.log().acknowledged();
          large += worker.log().begun("set images/w1/large ");
        }
      }
      original.unmount();
    }
    return cuts;
  }

  private WorkerProcess start(Path repository, String name, Durability durability)
      throws IOException {
    int every = durability == Durability.FULL ? LARGE_EVERY : 0;
    return WorkerProcess.start(
        repository, pool, name, random.nextLong(), durability, "-Dtest.large=" + every);
  }

  /** Any instant, or one right after an acknowledgement. */
  private void awaitInstant(WorkerProcess worker, int pauseMillis) throws Exception {
    Thread.sleep(random.nextInt(pauseMillis / 4, pauseMillis));
    if (random.nextBoolean()) {
      long before = worker.log().acknowledged();
      while (worker.log().acknowledged() == before) {
        worker.assertRuns();
        Thread.sleep(1);
      }
    }
  }

  /** Another program's {@code fsync}, which takes along names but not the contents of others. */
  private static void syncSomethingElse(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}));
      channel.force(true);
    }
  }

  private Cut cut(List<WorkerProcess> workers, Path copy) throws Exception {
    List<WorkLog> before = logs(workers);
    LoopFileSystem.assertRuns(List.of("cp", "--reflink=always", disk.toString(), copy.toString()));
    List<WorkLog> after = logs(workers);
    List<WorkLog.Expected> expected = new ArrayList<>();
    for (int i = 0; i < workers.size(); i++) {
      expected.add(before.get(i).expected(after.get(i)));
    }
    return new Cut(copy, WorkLog.Expected.all(expected));
  }

  private static List<WorkLog> logs(List<WorkerProcess> workers) throws IOException {
    List<WorkLog> logs = new ArrayList<>();
    for (WorkerProcess worker : workers) {
      logs.add(worker.log());
    }
    return logs;
  }

  private static void checkFileSystem(String type, Path file) throws Exception {
    String name = file.toString();
    List<String> check =
        switch (type) {
          case "ext4" -> List.of("e2fsck", "-fn", name);
          case "xfs" -> List.of("xfs_repair", "-n", name);
          default -> List.of("btrfs", "check", "--readonly", name);
        };
    LoopFileSystem.assertRuns(check);
  }
}
