package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.fuse.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An image whose objects lie in three repositories, mounted by the kernel and by a server. */
@Timeout(900)
class UnionMountTest {
  private static final int FILES = 60;

  @TempDir Path scratch;
  private final List<Path> repositories = new ArrayList<>();
  private Path source;
  private Path target;

  @BeforeEach
  void makeRepositories() throws Exception {
    Requirements.root();
    source = Files.createDirectory(scratch.resolve("source"));
    target = Files.createDirectory(scratch.resolve("mnt"));
    for (int i = 0; i < FILES; i++) {
      Files.writeString(source.resolve("f" + i), content(i));
    }
    for (int i = 0; i < 3; i++) {
      Path repository = scratch.resolve("repository" + i);
      ok(
          Tool.composefs(
              "composefs",
              "init",
              repository.toString(),
              "--insecure",
              "--algorithm=fsverity-sha256-12"));
      ok(
          Tool.composefs(
              "composefs",
              "--repo=" + repository,
              "create-image",
              "--no-propagate-usr-to-root",
              source.toString(),
              "tree"));
      repositories.add(repository);
    }
    // Every object stays in one of them only; the image in the first.
    List<Path> objects = objects(repositories.getFirst());
    for (int k = 0; k < objects.size(); k++) {
      Path below = repositories.getFirst().relativize(objects.get(k));
      if (Files.readString(objects.get(k), java.nio.charset.StandardCharsets.ISO_8859_1)
          .startsWith("file ")) {
        for (int i = 0; i < 3; i++) {
          if (k % 3 != i) {
            Files.delete(repositories.get(i).resolve(below));
          }
        }
      }
    }
  }

  private static String content(int i) {
    return ("file " + i + " ").repeat(100 + 10 * i);
  }

  private static List<Path> objects(Path repository) throws IOException {
    try (Stream<Path> files = Files.walk(repository.resolve("objects"))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static String ok(Tool.Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  private Tool.Result composefs(String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--repo=" + repositories.getFirst()));
    all.addAll(List.of(args));
    return Tool.composefs("composefs", all.toArray(String[]::new));
  }

  private String from(int i) {
    return "--source=" + repositories.get(i);
  }

  @AfterEach
  void unmount() {
    try {
      while (true) {
        Mounts.unmount(target, true);
      }
    } catch (IOException e) {
      // nothing is mounted any more
    }
  }

  private void assertMounted() throws IOException {
    for (int i = 0; i < FILES; i++) {
      assertThat(target.resolve("f" + i)).hasContent(content(i));
    }
  }

  @Test
  void theKernelMountsSeveralDataLayers() throws Exception {
    ok(composefs(from(1), from(2), "mount", "--mode=kernel", "tree", target.toString()));
    assertMounted();
    String options =
        Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
            .filter(line -> line.contains(" " + target + " "))
            .findFirst()
            .orElseThrow();
    assertThat(options).contains(" overlay ");
    // The image and the objects that are here are kept though no ref names them.
    ok(composefs("ref", "rm", "tree"));
    assertThat(composefs("gc").out()).contains("Objects: 0 removed");
    assertMounted();
    unmount();
    assertThat(composefs("gc").out()).doesNotContain("Objects: 0 removed");
  }

  @Test
  void aServerPassesOverWhatIsDamagedAndKeepsNobodyWaiting() throws Exception {
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Path twin = scratch.resolve("twin");
    assertThat(Tool.run("cp", "-a", repositories.get(1).toString(), twin.toString()).status())
        .isZero();
    for (Path object : objects(repositories.get(1))) {
      byte[] content = Files.readAllBytes(object);
      content[content.length / 2] ^= 1;
      Files.write(object, content);
    }
    ok(
        composefs(
            from(1),
            from(2),
            "--source=" + twin,
            "mount",
            "--mode=verified",
            "tree",
            target.toString()));
    assertMounted();
    ok(composefs("ref", "rm", "tree"));
    assertThat(ok(composefs("gc", "--timeout=20"))).contains("Objects: 0 removed");
    assertMounted();
  }
}
