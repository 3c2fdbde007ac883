package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Merkle trees of large objects that stay from mount to mount. */
@Timeout(900)
class KeptTreesTest {
  @TempDir Path scratch;
  private Path objects;
  private Path image;
  private Path target;

  @BeforeEach
  void name() {
    objects = scratch.resolve("objects");
    image = scratch.resolve("image.cfs");
    target = scratch.resolve("mnt");
  }

  @AfterEach
  void unmount() throws Exception {
    if (image.toFile().exists()) {
      Tool.composefs("composefs", "umount", "--lazy", target.toString());
    }
  }

  private Tool.Result mount(String... options) throws Exception {
    return Tool.mount(objects, image, target, options);
  }

  /** Without a tree, an object that was damaged before it was first read is refused as a whole. */
  @Test
  void aTreeThatWasKeptFindsTheWrongBlock() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Requirements.program("setsid");
    Files.createDirectory(target);
    byte[] content = new byte[3 << 20];
    new Random(1).nextBytes(content);
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.write(source.resolve("large"), content);
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.status()).isZero();
    Path trees = Files.createDirectory(scratch.resolve("trees"));
    assertThat(mount("--mode=verified", "--trees=" + trees).err()).isEmpty();
    Path large = target.resolve("large");
    assertThat(large).hasBinaryContent(content);
    assertThat(Tool.composefs("composefs", "umount", target.toString()).status()).isZero();
    String digest =
        VerityHasher.digest(HashAlgorithm.SHA256, content).hex().replaceFirst("^..", "$0/");
    assertThat(trees.resolve(digest)).isNotEmptyFile();

    Files.setPosixFilePermissions(
        objects.resolve(digest), PosixFilePermissions.fromString("rw-------"));
    try (FileChannel object = FileChannel.open(objects.resolve(digest), StandardOpenOption.WRITE)) {
      object.write(ByteBuffer.wrap(new byte[] {(byte) ~content[2 << 20]}), 2 << 20);
    }
    assertThat(mount("--mode=verified", "--trees=" + trees).err()).isEmpty();
    try (FileChannel channel = FileChannel.open(large)) {
      ByteBuffer part = ByteBuffer.allocate(4096);
      assertThat(channel.read(part, 1 << 20)).isEqualTo(4096);
      assertThat(part.array()).isEqualTo(Arrays.copyOfRange(content, 1 << 20, (1 << 20) + 4096));
      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(4096), 2 << 20))
          .isInstanceOf(IOException.class);
    }
    assertThat(Tool.composefs("composefs", "umount", target.toString()).status()).isZero();
    assertThat(mount("--mode=verified").err()).isEmpty();
    try (FileChannel channel = FileChannel.open(large)) {
      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(4096), 1 << 20))
          .isInstanceOf(IOException.class);
    }
  }
}
