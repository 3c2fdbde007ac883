package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.fuse.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code composefs mount} and its like, with servers in the background. */
@Timeout(120)
class MountCommandTest {
  @TempDir Path scratch;
  private Path objects;
  private Path image;
  private Path target;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Requirements.program("setsid");
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.writeString(source.resolve("file"), "text ".repeat(100));
    objects = scratch.resolve("objects");
    image = scratch.resolve("image.cfs");
    target = Files.createDirectory(scratch.resolve("mnt"));
    assertThat(
            Tool.composefs(
                    "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString())
                .status())
        .isZero();
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

  private Tool.Result mount(String... options) throws Exception {
    List<String> args = new java.util.ArrayList<>(List.of("mount"));
    args.addAll(List.of(options));
    args.addAll(List.of("--basedir=" + objects, image.toString(), target.toString()));
    return Tool.composefs("composefs", args.toArray(String[]::new));
  }

  @Test
  void servesInTheBackgroundUntilUnmounted() throws Exception {
    for (String mode : List.of("verified", "passthrough", "overlay")) {
      assertThat(mount("--mode=" + mode).err()).isEmpty();
      assertThat(target.resolve("file")).hasContent("text ".repeat(100));
      Tool.Result mounts = Tool.composefs("composefs", "mounts", "--json");
      assertThat(mounts.out()).contains("\"" + target + "\"").contains("composefs:image.cfs");
      assertThat(Tool.composefs("composefs", "umount", target.toString()).status()).isZero();
      assertThat(target.resolve("file")).doesNotExist();
    }
  }

  @Test
  void aKilledServerLeavesNoHangingMount() throws Exception {
    assertThat(mount("--mode=verified").status()).isZero();
    ProcessHandle server =
        ProcessHandle.allProcesses()
            .filter(process ->
                process
                    .info()
                    .arguments()
                    .filter(arguments -> List.of(arguments).contains(target.toString()))
                    .isPresent())
            .findFirst()
            .orElseThrow();
    assertThat(server.destroyForcibly()).isTrue();
    server.onExit().join();
    assertThat(Tool.run("cat", target + "/none").status()).isNotZero();
    assertThat(Tool.composefs("composefs", "mounts").out()).contains(target + " ").contains("dead");
    assertThat(mount("--mode=verified").status()).isZero();
    assertThat(target.resolve("file")).hasContent("text ".repeat(100));
  }

  @Test
  void refusesInOneLine() throws Exception {
    Tool.Result pair = mount("--mode=kernel", "--verify=always");
    assertThat(pair.status()).isEqualTo(2);
    assertThat(pair.err()).hasLineCount(1).contains("kernel cannot have verification always");
    Path missing = scratch.resolve("missing");
    Tool.Result none =
        Tool.composefs(
            "composefs",
            "mount",
            "--mode=verified",
            "--basedir=" + missing,
            image.toString(),
            target.toString());
    assertThat(none.status()).isEqualTo(1);
    assertThat(none.err()).hasLineCount(1).contains(missing.toString());
  }
}
