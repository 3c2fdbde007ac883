package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Repositories that the reference made, unpacked. */
final class RepositorySamples {
  static final List<String> NAMES = List.of("sha256-1", "sha256-2", "sha512-1");

  /** Without regard to what is mounted on this machine at this moment. */
  static final GcOptions GC = GcOptions.defaults().withProcesses(Path.of("/nonexistent"));

  private RepositorySamples() {}

  /** {@return the directory of a fresh copy} */
  static Path unpack(String name, Path directory) throws Exception {
    Requirements.program("xz");
    Path packed =
        Files.write(
            directory.resolve(name + ".tar.xz"),
            Vectors.bytes("repositories/" + name + "/repository.tar.xz"));
    Tool.Result tar = Tool.run("tar", "-C", directory.toString(), "-xf", packed.toString());
    assertThat(tar.err()).isEmpty();
    return directory.resolve("repo-" + name);
  }

  static Repository open(Path path) throws IOException {
    return Repository.open(new LinuxPlatform(), path, OpenOptions.DEFAULT.withUpgrade(false));
  }

  static String text(String path) {
    return new String(Vectors.bytes("repositories/" + path), StandardCharsets.UTF_8);
  }

  /** {@return all files and links, with the targets of links, sorted bytewise} */
  static List<String> files(Path repository) throws IOException {
    try (Stream<Path> all = Files.walk(repository)) {
      return all.filter(path -> !Files.isDirectory(path) || Files.isSymbolicLink(path))
          .map(path -> "./" + repository.relativize(path))
          .sorted((a, b) ->
              Arrays.compareUnsigned(
                  a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8)))
          .toList();
    }
  }
}
