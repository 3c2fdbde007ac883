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
 * Eight processes import, tag, verify and untag while this one collects and checks. For {@code
 * -Dtest.seconds=N}, 6 unless told otherwise.
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
    try (Repository repository = Repository.open(platform, path, OpenOptions.DEFAULT)) {
      while (users.stream().anyMatch(Process::isAlive)) {
        GcResult result = repository.collect(RepositorySamples.GC);
        assertThat(result.findings()).isEmpty();
        collections++;
        removed += result.objects();
        assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
      }
      for (int i = 0; i < users.size(); i++) {
        String said = Files.readString(directory.resolve("out" + i));
        assertThat(users.get(i).waitFor()).as(said).isZero();
        System.out.println(said.strip());
      }
      System.out.println(collections + " collections, " + removed + " objects removed");
      assertThat(collections).isPositive();
      assertThat(removed).isPositive();
      assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
    }
  }
}
