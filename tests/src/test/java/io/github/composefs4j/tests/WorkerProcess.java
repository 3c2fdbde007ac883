package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.repository.OpenOptions.Durability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A {@link RepositoryWorker} that is running; closing kills it. */
final class WorkerProcess implements AutoCloseable {
  private final Process process;
  private final Path log;
  private final Path output;

  private WorkerProcess(Process process, Path log, Path output) {
    this.process = process;
    this.log = log;
    this.output = output;
  }

  /** {@return a worker with a new log} */
  static WorkerProcess start(
      Path repository, Pool pool, String name, long seed, Durability durability, String... options)
      throws IOException {
    Path log = Files.writeString(pool.log(name), "");
    Path output = pool.directory().resolve(name + ".out");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            RepositoryWorker.class.getName(),
            repository.toString(),
            pool.directory().toString(),
            name,
            Long.toString(seed),
            durability.name()));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    return new WorkerProcess(process, log, output);
  }

  /** {@return what it has told so far} */
  WorkLog log() throws IOException {
    return WorkLog.read(log);
  }

  void awaitReady() throws Exception {
    while (!log().isReady()) {
      assertRuns();
      Thread.sleep(2);
    }
  }

  /** Fails with what it said if it has ended by itself. */
  void assertRuns() throws IOException {
    assertThat(process.isAlive()).as(() -> read(output)).isTrue();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** {@code kill -9}, and waits for the end. */
  void kill() {
    process.destroyForcibly().onExit().join();
  }

  @Override
  public void close() {
    kill();
  }
}
