package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.KernelVerity;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountOptions.Verity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real mounts of a real image by this kernel. */
class MountTest {
  @TempDir Path directory;
  private Path source;
  private Path image;
  private Path objects;
  private Path target;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.root();
    Requirements.require(
        Files.readString(Path.of("/proc/filesystems")).contains("erofs"), "EROFS in the kernel");
    Requirements.program("rsync");
    source = Files.createDirectory(directory.resolve("source"));
    image = directory.resolve("image.cfs");
    objects = directory.resolve("objects");
    target = Files.createDirectory(directory.resolve("mnt"));
    Files.writeString(source.resolve("small"), "small");
    Files.write(source.resolve("large"), new byte[100_000]);
    Files.write(source.resolve("empty"), new byte[0]);
    Files.createLink(source.resolve("hard"), source.resolve("large"));
    Files.createSymbolicLink(source.resolve("soft"), Path.of("large"));
    Files.createDirectories(source.resolve("a/b/c"));
    assertThat(Tool.run("mknod", source + "/fifo", "p").status()).isZero();
    assertThat(Tool.run("mknod", source + "/null", "c", "1", "3").status()).isZero();
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.err()).isEmpty();
    assertThat(made.status()).isZero();
  }

  @AfterEach
  void unmount() {
    try {
      while (true) {
        KernelMount.unmount(target, true);
      }
    } catch (IOException e) {
      // nothing is mounted any more
    }
  }

  @ParameterizedTest
  @CsvSource({"false,false", "true,false", "false,true", "true,true"})
  void showsTheSource(boolean loop, boolean old) throws Exception {
    MountOptions plain = MountOptions.of(image, List.of(objects));
    KernelMount.mount(
        new MountOptions(
            image, plain.objects(), null, Verity.OFF, null, null, true, null, 0, loop, old),
        target);
    Tool.Result rsync = Tool.run("rsync", "-aHAXnci", "--delete", source + "/", target + "/");
    assertThat(rsync.out()).isEmpty();
    assertThat(rsync.status()).isZero();
    assertThat(Files.getAttribute(target.resolve("hard"), "unix:nlink")).isEqualTo(2);
    assertThat(Files.readString(Path.of("/proc/self/mountinfo")))
        .contains(target + " ")
        .contains("composefs:image.cfs");
    assertThatThrownBy(() -> Files.writeString(target.resolve("new"), "x"))
        .isInstanceOf(IOException.class);
    KernelMount.unmount(target, false);
    assertThat(target.resolve("small")).doesNotExist();
  }

  @Test
  void isWritableWithAnUpperLayer() throws Exception {
    Path upper = Files.createDirectory(directory.resolve("upper"));
    Path work = Files.createDirectory(directory.resolve("work"));
    KernelMount.mount(
        new MountOptions(
            image, List.of(objects), null, Verity.OFF, upper, work, false, null, 0, false, false),
        target);
    Files.writeString(target.resolve("new"), "written");
    assertThat(upper.resolve("new")).hasContent("written");
    assertThat(source.resolve("new")).doesNotExist();
  }

  @Test
  void findsObjectsInSeveralDirectoriesWhoseNamesNeedNoEscaping() throws Exception {
    Path strange = Files.createDirectory(directory.resolve("a,b:c\\d"));
    KernelMount.mount(
        new MountOptions(
            image,
            List.of(strange, objects),
            null,
            Verity.OFF,
            null,
            null,
            true,
            null,
            MountOptions.NOSUID | MountOptions.NODEV,
            false,
            false),
        target);
    assertThat(Files.size(target.resolve("large"))).isEqualTo(100_000);
    assertThat(Files.readAllBytes(target.resolve("large"))).containsOnly(0);
  }

  @Test
  void mountsThroughTheCommandWithTryverity() throws Exception {
    Tool.Result mounted =
        Tool.composefs(
            "mount.composefs",
            "-o",
            "basedir=" + objects + ",tryverity,ro",
            image.toString(),
            target.toString());
    assertThat(mounted.err()).isEmpty();
    assertThat(target.resolve("small")).hasContent("small");
    assertThat(Files.readAllBytes(target.resolve("large"))).hasSize(100_000);
    assertThat(Tool.composefs("composefs", "umount", target.toString()).status()).isZero();
  }

  @Test
  void refusesWhatFsVerityCannotGiveBeforeMounting() throws Exception {
    if (KernelVerity.measure(image).isPresent()) {
      return; // a kernel and file system with fs-verity: nothing to refuse
    }
    Tool.Result verity =
        Tool.composefs(
            "mount.composefs",
            "-o",
            "basedir=" + objects + ",verity",
            image.toString(),
            target.toString());
    assertThat(verity.status()).isEqualTo(1);
    assertThat(verity.err()).contains("tryverity").hasLineCount(1);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(image));
    assertThatThrownBy(() ->
            KernelMount.mount(
                new MountOptions(
                    image,
                    List.of(objects),
                    digest,
                    Verity.REQUIRE,
                    null,
                    null,
                    true,
                    null,
                    0,
                    false,
                    false),
                target))
        .isInstanceOf(ComposefsException.class)
        .hasMessageContaining("fs-verity");
    assertThat(target.resolve("small")).doesNotExist();
  }

  @Test
  void leavesNothingBehind() throws Exception {
    long before = count(Path.of("/proc/self/fd"));
    for (int i = 0; i < 100; i++) {
      KernelMount.mount(MountOptions.of(image, List.of(objects)), target);
      KernelMount.unmount(target, false);
    }
    Path missing = directory.resolve("missing");
    for (int i = 0; i < 50; i++) {
      assertThatThrownBy(() -> KernelMount.mount(MountOptions.of(image, List.of(missing)), target))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("missing");
    }
    assertThat(count(Path.of("/proc/self/fd"))).isLessThanOrEqualTo(before + 2);
  }

  private static long count(Path path) throws IOException {
    try (var entries = Files.list(path)) {
      return entries.count();
    }
  }
}
