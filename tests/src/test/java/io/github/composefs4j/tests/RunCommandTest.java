package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code composefs run}: programs in an image, by who has no rights. */
@Timeout(900)
class RunCommandTest {
  @TempDir Path scratch;
  private Path objects;
  private Path image;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.userNamespaces();
    objects = scratch.resolve("objects");
    image = RootTree.image(scratch, objects);
  }

  private List<String> command(List<String> options, String... command) {
    List<String> args = new ArrayList<>(List.of("run", "--basedir=" + objects));
    args.addAll(options);
    args.addAll(List.of(image.toString(), "--"));
    args.addAll(List.of(command));
    List<String> line = new ArrayList<>(List.of("timeout", "600"));
    line.addAll(Tool.command("composefs", args.toArray(String[]::new)));
    return line;
  }

  private Tool.Result run(List<String> options, String... command) throws Exception {
    return Tool.run(command(options, command));
  }

  /** Directories that runs have made and not taken away. */
  private static List<Path> leftovers() throws IOException {
    try (Stream<Path> temporary = Files.list(Path.of("/tmp"))) {
      return temporary
          .filter(path -> path.getFileName().toString().startsWith("composefs-run"))
          .toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"auto", "verified", "overlay"})
  void theImageIsTheRootOfTheCommand(String mode) throws Exception {
    List<Path> before = leftovers();
    String outside = Files.readSymbolicLink(Path.of("/proc/self/ns/mnt")).toString();
    Tool.Result result =
        run(
            List.of("--mode=" + mode),
            "/bin/sh",
            "-c",
            "cat /greeting; echo $0 \"$1\"; cat /proc/self/uid_map; echo x >/tmp/x && cat /tmp/x;"
                + " echo y >/y; readlink /proc/self/ns/mnt; exit 7",
            "first",
            "a  b");
    assertThat(result.out()).startsWith("hello from the image\nfirst a  b\n");
    assertThat(result.out()).contains("\nx\n").doesNotContain(outside);
    assertThat(result.err()).contains("Read-only file system").hasLineCount(1);
    assertThat(result.status()).isEqualTo(7);
    assertThat(leftovers()).isEqualTo(before);
  }

  @Test
  void theImageIsMountedWhereItIsWanted() throws Exception {
    Path at = Files.createDirectory(scratch.resolve("at"));
    Tool.Result result = run(List.of("--at=" + at), "cat", at + "/greeting", image.toString());
    assertThat(result.out()).startsWith("hello from the image\n");
    assertThat(result.outBytes().length).isGreaterThan(4096);
    assertThat(result.status()).isZero();
    assertThat(at).isEmptyDirectory();
  }

  @Test
  void aWritableLayerTakesWhatTheCommandWrites() throws Exception {
    Path upper = Files.createDirectory(scratch.resolve("upper"));
    Path work = Files.createDirectory(scratch.resolve("work"));
    Tool.Result result =
        run(
            List.of("--upperdir=" + upper, "--workdir=" + work, "--read-write"),
            "/bin/sh",
            "-c",
            "echo new >/new; echo more >>/greeting");
    assertThat(result.err()).isEmpty();
    assertThat(upper.resolve("new")).hasContent("new");
    assertThat(upper.resolve("greeting")).hasContent("hello from the image\nmore");
  }

  @Test
  void whatCannotBeRunIsSaidInOneLine() throws Exception {
    Tool.Result none = run(List.of(), "/bin/none");
    assertThat(none.status()).isEqualTo(127);
    assertThat(none.err()).contains("/bin/none").hasLineCount(1);
    image = scratch.resolve("no-image");
    Tool.Result missing = run(List.of("--repo=" + scratch.resolve("no-repo")), "/bin/sh");
    assertThat(missing.status()).isEqualTo(1);
    assertThat(missing.err()).contains("no-repo").hasLineCount(1);
    Tool.Result empty = Tool.composefs("composefs", "run", image.toString());
    assertThat(empty.status()).isEqualTo(2);
    assertThat(empty.err()).hasLineCount(1);
  }

  /** All of it ends when it is told to, and nothing is left. */
  @Test
  void endsWhenItIsTold() throws Exception {
    List<Path> before = leftovers();
    List<String> command = command(List.of(), "/bin/sh", "-c", "echo ready; exec sleep 1000");
    Process process = new ProcessBuilder(command.subList(2, command.size())).start();
    try (var out = process.inputReader()) {
      assertThat(out.readLine()).isEqualTo("ready");
      List<ProcessHandle> all = process.descendants().toList();
      assertThat(all).hasSizeGreaterThanOrEqualTo(2);
      process.destroy();
      assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
      for (ProcessHandle each : all) {
        each.onExit().get(300, TimeUnit.SECONDS);
      }
    }
    assertThat(leftovers()).isEqualTo(before);
  }
}
