package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The first read of a large file in a mount that verifies. */
@Timeout(900)
class FirstReadTest {
  private static final int SIZE = 12 << 20;
  private static final int FIRST = 1 << 20;

  /** A machine that stalls for seconds makes the server forget. */
  private static final int ATTEMPTS = 5;

  @TempDir Path scratch;
  private final byte[] content = new byte[SIZE];
  private Path target;
  private Path objects;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    new Random(1).nextBytes(content);
    target = Files.createDirectory(scratch.resolve("mnt"));
    objects = scratch.resolve("objects");
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.write(source.resolve("large"), content);
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs",
            "--digest-store=" + objects,
            source.toString(),
            scratch.resolve("image").toString());
    assertThat(made.status()).isZero();
  }

  private MountedView mount(MountMode mode) throws IOException {
    return Mounts.mount(
        ViewOptions.of(scratch.resolve("image"), List.of(objects)).with(mode, null), target);
  }

  private Path object() throws IOException {
    try (Stream<Path> found = Files.walk(objects)) {
      return found.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
  }

  /** What was hashed is handed out, though the object is another by then. */
  @Test
  void isServedFromTheBytesThatWereHashed() throws IOException {
    Path object = object();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Files.write(object, content);
      try (MountedView _ = mount(MountMode.VERIFIED);
          InputStream in = Files.newInputStream(target.resolve("large"))) {
        assertThat(in.readNBytes(FIRST)).isEqualTo(Arrays.copyOf(content, FIRST));
        Files.write(object, new byte[SIZE]);
        byte[] rest = in.readAllBytes();
        assertThat(rest).isEqualTo(Arrays.copyOfRange(content, FIRST, SIZE));
        return;
      } catch (IOException e) {
        // refused: never a wrong byte, but the server has kept nothing
      }
    }
    fail("the server has kept nothing, " + ATTEMPTS + " times");
  }

  @Test
  void theKernelReadsAheadAsFarAsAllThreadsCanVerify() throws IOException {
    try (MountedView _ = mount(MountMode.VERIFIED)) {
      assertThat(readAhead()).isEqualTo("512");
    }
    try (MountedView _ = mount(MountMode.PASSTHROUGH)) {
      assertThat(readAhead()).isEqualTo("128");
    }
  }

  private String readAhead() throws IOException {
    int device = (int) (long) Files.getAttribute(target, "unix:dev");
    Path setting = Path.of("/sys/class/bdi", "0:" + (device & 0xff | device >>> 12 & ~0xff));
    return Files.readString(setting.resolve("read_ahead_kb")).strip();
  }
}
