package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Eight processes import, tag, read, verify and untag while this one collects and checks. For
 * {@code -Dtest.seconds=N}, 6 unless told otherwise: at 600, at least 50 collections are finished
 * and about 10,000 objects removed.
 */
class RepositoryConcurrencyTest {
  @TempDir Path directory;

  @Test
  void nothingIsLostAndNobodyFails() throws Exception {
    int seconds = Integer.getInteger("test.seconds", 6);
    Path path = directory.resolve("repo");
    LinuxPlatform platform = new LinuxPlatform();
    Repository.init(
        platform,
        path,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    List<Process> users = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      users.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-XX:+UseSerialGC",
                  "-Xmx128m",
                  "-cp",
                  System.getProperty("java.class.path"),
                  RepositoryUser.class.getName(),
                  path.toString(),
                  directory.resolve("work" + i).toString(),
                  Integer.toString(i),
                  Integer.toString(seconds))
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("out" + i).toFile())
              .start());
    }
    long collections = 0;
    long removed = 0;
    long longest = 0;
    try (Repository repository = Repository.open(platform, path, OpenOptions.DEFAULT)) {
      while (users.stream().anyMatch(Process::isAlive)) {
        long begun = System.nanoTime();
        GcResult result = repository.collect(RepositorySamples.GC);
        longest = Math.max(longest, System.nanoTime() - begun);
        assertThat(result.findings()).isEmpty();
        collections++;
        removed += result.objects();
        assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
      }
      removed += repository.collect(RepositorySamples.GC).objects();
      for (int i = 0; i < users.size(); i++) {
        String said = Files.readString(directory.resolve("out" + i));
        assertThat(users.get(i).waitFor()).as(said).isZero();
        System.out.println(said.strip());
      }
      System.out.printf(
          "%d collections, %d objects removed, the longest took %d ms with its wait%n",
          collections, removed, longest / 1_000_000);
      assertThat(collections).isGreaterThanOrEqualTo(seconds < 60 ? 1 : seconds / 12);
      assertThat(removed).isGreaterThanOrEqualTo(seconds < 60 ? 1 : 10_000L * seconds / 600);
      assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
    } finally {
      users.forEach(Process::destroyForcibly);
    }
  }
}
