package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * FUSE over io_uring, where the kernel has it, when the ring breaks: the kernel knows no other way
 * to send its requests.
 */
@Timeout(300)
class UringFailureTest {
  private static final Path SWITCH = Path.of("/sys/module/fuse/parameters/enable_uring");
  private static final int O_CLOEXEC = 02000000;

  /** More than the requests that the kernel hands over at a time. */
  private static final int FILES = 12;

  @TempDir Path scratch;

  /** {@return how the switch was, or null if it is not there or not ours} */
  private static @Nullable String turn(String how) {
    try {
      String before = Files.readString(SWITCH);
      Files.writeString(SWITCH, how);
      return before;
    } catch (IOException e) {
      return null;
    }
  }

  /** {@return the descriptors of this process that are rings} */
  private static Set<Integer> rings() throws Exception {
    Set<Integer> rings = new HashSet<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path each : all) {
        try {
          if (Files.readSymbolicLink(each).toString().contains("[io_uring]")) {
            rings.add(Integer.valueOf(each.getFileName().toString()));
          }
        } catch (NoSuchFileException e) {
          // closed meanwhile, the directory's own among them
        }
      }
    }
    return rings;
  }

  /** {@return what cat says of a file} A process in the kernel's hands cannot even be killed. */
  private static String assertHangsNever(Path file) throws Exception {
    Process cat =
        new ProcessBuilder("cat", file.toString())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(cat.waitFor(60, TimeUnit.SECONDS)).as("cat %s ends", file).isTrue();
    return new String(cat.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void aBrokenRingEndsTheMountAndNobodyWaits() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Path source = Files.createDirectory(scratch.resolve("source"));
    for (int i = 0; i < FILES; i++) {
      Files.writeString(source.resolve("file" + i), "text ".repeat(100) + i);
    }
    Path objects = scratch.resolve("objects");
    Path image = scratch.resolve("image.cfs");
    assertThat(
            Tool.composefs(
                    "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString())
                .status())
        .isZero();
    Path target = Files.createDirectory(scratch.resolve("mnt"));
    Set<Integer> others = rings();
    String before = turn("Y");
    boolean on = before != null && Files.readString(SWITCH).startsWith("Y");
    MountedView view;
    try {
      view =
          Mounts.mount(
              ViewOptions.of(image, List.of(objects)).with(MountMode.VERIFIED, null), target);
    } finally {
      if (before != null) {
        turn(before);
      }
    }
    try (view) {
      assertThat(view.usesUring()).isEqualTo(on);
      assertThat(Tool.run("timeout", "30", "cat", target + "/file0").err()).isEmpty();
      Set<Integer> rings = rings();
      rings.removeAll(others);
      assertThat(rings.isEmpty()).isEqualTo(!on);
      try (Fd none = Fd.open("/dev/null".getBytes(StandardCharsets.US_ASCII), Abi.O_RDWR)) {
        for (int ring : rings) {
          assertThat(Sys.dup3(none.number(), ring, O_CLOEXEC)).isEqualTo(ring);
        }
      }
      // Who asks first may have an answer still; then all is an error, at once, on any processor.
      for (int i = 1; i < FILES; i++) {
        assertHangsNever(target.resolve("file" + i));
      }
      // Over the device, where the kernel has nothing else, there is nothing that could break.
      assertThat(assertHangsNever(target.resolve("none")))
          .contains(on ? "not connected" : "No such file");
    }
    assertThat(view.isServed()).isFalse();
    assertThat(Files.exists(target.resolve("file0"))).isFalse();
  }
}
