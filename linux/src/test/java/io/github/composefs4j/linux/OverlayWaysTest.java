package io.github.composefs4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.MountOptions.Verity;
import io.github.composefs4j.linux.OverlayMount.Layer;
import io.github.composefs4j.linux.OverlayMount.Layers;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The ways of older kernels to give overlayfs its layers, each forced here: on this kernel the
 * first one works. A plain directory stands for the EROFS mount.
 */
class OverlayWaysTest {
  private static final byte[] SOURCE = "composefs:test".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path directory;
  private Path objects;
  private Path target;

  @BeforeEach
  void prepare() throws Exception {
    Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    objects = Files.createDirectory(directory.resolve("ob,je:c\\ts"));
    target = Files.createDirectory(directory.resolve("target"));
  }

  private static Fd path(Path path) throws Exception {
    return Fd.open(LinuxPlatform.bytes(path), Abi.O_PATH | Abi.O_DIRECTORY);
  }

  private OverlayMount overlay(Fd fd, Verity verity) {
    MountOptions options = MountOptions.of(directory.resolve("image"), List.of(objects));
    Layer layer = new Layer(fd, LinuxPlatform.bytes(objects));
    return new OverlayMount(options, SOURCE, new Layers(List.of(layer), null, null), verity);
  }

  private String mounted() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      if (line.contains(" " + target + " ")) {
        return line;
      }
    }
    return "";
  }

  @Test
  void byPath() throws Exception {
    try (Fd fd = path(objects);
        Fd point = path(target);
        TemporaryMountPoint lower = TemporaryMountPoint.create()) {
      try (Fd mount = overlay(fd, Verity.OFF).byPath(lower)) {
        assertThat(MountCalls.attach(mount, point)).isZero();
      }
      assertThat(mounted()).contains("composefs:test", "datadir+=" + directory);
    } finally {
      MountCalls.umount(LinuxPlatform.bytes(target), Abi.MNT_DETACH);
    }
    assertThat(mounted()).isEmpty();
  }

  @Test
  void byPathOfADirectoryBeyondTheLengthOfAnOption() throws Exception {
    for (int i = 0; i < 3; i++) {
      objects = objects.resolve("d".repeat(200));
    }
    Files.createDirectories(objects);
    try (Fd fd = path(objects);
        TemporaryMountPoint lower = TemporaryMountPoint.create();
        Fd mount = overlay(fd, Verity.OFF).byPath(lower)) {
      assertThat(mount.number()).isPositive();
    }
  }

  @Test
  void byOptionString() throws Exception {
    try (Fd fd = path(objects);
        Fd point = path(target);
        TemporaryMountPoint lower = TemporaryMountPoint.create()) {
      overlay(fd, Verity.OFF).byOptionString(lower, point);
      assertThat(mounted()).contains("composefs:test", "::" + directory);
    } finally {
      MountCalls.umount(LinuxPlatform.bytes(target), Abi.MNT_DETACH);
    }
  }

  @Test
  void aFailureSaysWhatTheKernelSaid() throws Exception {
    try (Fd fd = path(objects);
        TemporaryMountPoint lower = TemporaryMountPoint.create();
        Fd context = new Fd(MountCalls.fsopen("overlay"))) {
      MountCalls.setString(context, "composefs", new byte[] {'x'});
      assertThat(MountCalls.log(context)).containsExactly("overlay: Unknown parameter 'composefs'");
      Files.delete(objects);
      assertThatThrownBy(() -> overlay(fd, Verity.OFF).byOptionString(lower, path(target)))
          .isInstanceOf(MountException.class)
          .hasMessageContaining(FileName.printable(LinuxPlatform.bytes(directory)))
          .hasMessageContaining("No such file or directory");
    }
  }

  @Test
  void theDigestIsToldByThePathWhereItCanBe() {
    String hex = "0123456789abcdef".repeat(4);
    assertThat(label("/store/" + hex)).isEqualTo(hex);
    assertThat(label("/store/01/" + hex.substring(2))).isEqualTo(hex);
    assertThat(label("/store/" + hex + hex)).isEqualTo(hex + hex);
    assertThat(label("/store/01/image.cfs")).isEqualTo("image.cfs");
    assertThat(label("/01/" + hex)).isEqualTo(hex);
    assertThat(label("/zz/" + hex.substring(2))).isEqualTo(hex.substring(2));
  }

  private static String label(String path) {
    return new String(
        KernelMount.label(path.getBytes(StandardCharsets.US_ASCII)), StandardCharsets.US_ASCII);
  }
}
