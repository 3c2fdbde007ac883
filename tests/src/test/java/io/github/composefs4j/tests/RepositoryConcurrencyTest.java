package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes import overlapping trees, tag and untag, read and verify, while this one collects and
 * checks: nothing that is named is ever missing. {@code -Dtest.seconds=600} runs longer.
 */
class RepositoryConcurrencyTest {
  private static final int SECONDS = Integer.getInteger("test.seconds", 12);
  private static final int PROCESSES = 8;

  @TempDir Path directory;

  /** One of the processes: repository, directory of its own, shared trees, seed, seconds. */
  public static final class Worker {
    private final Repository repository;
    private final Path own;
    private final Path shared;
    private final Random random;
    private final String name;
    private int imports;
    private int reads;
    private long longest;

    private Worker(Repository repository, Path own, Path shared, int seed) {
      this.repository = repository;
      this.own = own;
      this.shared = shared;
      this.random = new Random(seed);
      this.name = "worker-" + seed;
    }

    /** Works until the time is over; says what was done. */
    public static void main(String[] args) throws Exception {
      try (Repository repository =
          Repository.open(Platform.best(), Path.of(args[0]), OpenOptions.DEFAULT)) {
        Worker worker =
            new Worker(repository, Path.of(args[1]), Path.of(args[2]), Integer.parseInt(args[3]));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[4]));
        while (System.nanoTime() < end) {
          long start = System.nanoTime();
          switch (worker.random.nextInt(5)) {
            case 0, 1 -> worker.put();
            case 2 -> worker.untag();
            default -> worker.read();
          }
          worker.longest = Math.max(worker.longest, System.nanoTime() - start);
        }
        System.out.println(
            worker.imports
                + " imports, "
                + worker.reads
                + " images read, longest step "
                + TimeUnit.NANOSECONDS.toMillis(worker.longest)
                + " ms");
      }
    }

    private void put() throws IOException {
      Path tree = shared.resolve("t" + random.nextInt(4));
      if (random.nextBoolean()) {
        tree = own;
        for (int i = 0; i < 30; i++) {
          byte[] content = new byte[70 + random.nextInt(3000)];
          random.nextBytes(content);
          Files.write(own.resolve("f" + i), content);
        }
      }
      try (Transaction change = repository.begin()) {
        String ref = name + "/" + random.nextInt(5);
        change.putImage(change.scan(tree, true, ScanOptions.defaults(), ScanProgress.NONE), ref);
        change.commit();
      }
      imports++;
    }

    private void untag() throws IOException {
      List<Ref> refs = repository.refs(Category.IMAGES);
      if (refs.isEmpty()) {
        return;
      }
      try {
        repository.removeRef(Category.IMAGES, refs.get(random.nextInt(refs.size())).name());
      } catch (RepositoryException e) {
        requireGone(e);
      }
    }

    /** Another process may have removed the ref meanwhile, and a collection what it led to. */
    private static void requireGone(RepositoryException e) throws RepositoryException {
      if (e.reason() != RepositoryException.Reason.NOT_FOUND) {
        throw e;
      }
    }

    private void read() throws IOException {
      try (Repository.Hold _ = repository.hold()) {
        List<Ref> refs = repository.refs(Category.IMAGES);
        if (refs.isEmpty()) {
          return;
        }
        Digest image;
        List<Digest> objects;
        try {
          image = repository.resolveImage("refs/" + refs.get(random.nextInt(refs.size())).name());
          objects = repository.imageObjects(image.hex());
        } catch (RepositoryException e) {
          requireGone(e);
          return;
        }
        VerifiedStore verified = new VerifiedStore(repository.objects());
        for (Digest digest : objects) {
          try (VerifiedReader reader = verified.open(digest)) {
            reader.check();
          }
        }
      }
      reads++;
    }
  }

  @Test
  void nothingThatIsNamedIsEverMissing() throws Exception {
    Path path = directory.resolve("repository");
    Platform platform = Platform.best();
    Repository.init(
        platform,
        path,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    Path shared = directory.resolve("shared");
    Random random = new Random(5);
    for (int tree = 0; tree < 4; tree++) {
      Path one = Files.createDirectories(shared.resolve("t" + tree));
      for (int i = 0; i < 60; i++) {
        byte[] content = new byte[100 + 50 * i];
        new Random(i % 3 == 0 ? i : 100 * tree + i).nextBytes(content);
        Files.write(one.resolve("f" + i), content);
      }
    }
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < PROCESSES; i++) {
      Path own = Files.createDirectory(directory.resolve("own" + i));
      processes.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Worker.class.getName(),
                  path.toString(),
                  own.toString(),
                  shared.toString(),
                  Integer.toString(random.nextInt(1000)),
                  Integer.toString(SECONDS))
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("out" + i).toFile())
              .start());
    }
    int collections = 0;
    int checks = 0;
    long removed = 0;
    long longest = 0;
    try (Repository repository = Repository.open(platform, path, OpenOptions.DEFAULT)) {
      while (processes.stream().anyMatch(Process::isAlive)) {
        long start = System.nanoTime();
        GcResult result = repository.collect(GcOptions.defaults());
        longest = Math.max(longest, System.nanoTime() - start);
        assertThat(result.stopped()).as("%s", result.findings()).isFalse();
        collections++;
        removed += result.objects();
        if (collections % 4 == 0) {
          FsckReport report = repository.check(FsckOptions.defaults());
          assertThat(report.isOk()).as("%s", report.lines()).isTrue();
          checks++;
        }
        Thread.sleep(50);
      }
      for (int i = 0; i < PROCESSES; i++) {
        assertThat(processes.get(i).waitFor())
            .as(Files.readString(directory.resolve("out" + i)))
            .isZero();
        System.out.print("process " + i + ": " + Files.readString(directory.resolve("out" + i)));
      }
      System.out.println(
          collections
              + " collections removed "
              + removed
              + " objects, the longest took "
              + Duration.ofNanos(longest).toMillis()
              + " ms; "
              + checks
              + " checks");
      FsckReport report = repository.check(FsckOptions.defaults());
      assertThat(report.isOk()).as("%s", report.lines()).isTrue();
      assertThat(collections).isGreaterThanOrEqualTo(SECONDS >= 600 ? 50 : 3);
      assertThat(removed).isGreaterThanOrEqualTo(SECONDS >= 600 ? 10_000 : 1);
    }
  }
}
