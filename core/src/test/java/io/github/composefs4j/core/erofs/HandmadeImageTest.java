package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What EROFS images may have and {@code mkfs.erofs} of many distributions cannot write. */
class HandmadeImageTest {
  private static final int FILE = Inode.S_IFREG | 0644;

  @ParameterizedTest(name = "blocks of 2^{0} bytes")
  @ValueSource(ints = {9, 10, 11, 12, 13, 14, 15, 16})
  void readsEveryBlockSize(int bits) throws IOException {
    HandmadeImage image = new HandmadeImage(bits);
    int blockSize = 1 << bits;
    int plainSize = blockSize + 100;
    byte[] data = random(plainSize);
    image.bytes.put(HandmadeImage.DATA, data);
    image.inode(1, 0, FILE, plainSize, image.block(HandmadeImage.DATA));
    image.inode(2, 4, FILE, blockSize + 7, image.block(HandmadeImage.DATA)).tail(random(7));
    image.directory(0, 0, "inline", 2, "plain", 1);
    try (ErofsImage erofs = image.open()) {
      erofs.check();
      assertThat(read(find(erofs, "plain"))).isEqualTo(data);
      byte[] expected = Arrays.copyOf(data, blockSize + 7);
      System.arraycopy(random(7), 0, expected, blockSize, 7);
      assertThat(read(find(erofs, "inline"))).isEqualTo(expected);
    }
  }

  @Test
  void readsChunksThroughMapsAndIndexes() throws IOException {
    HandmadeImage image = new HandmadeImage(9);
    byte[] data = random(3 * 1024);
    image.bytes.put(HandmadeImage.DATA, data);
    int block = image.block(HandmadeImage.DATA);
    // Chunks of two blocks: the third of the data, a hole, the first, cut after 10 bytes.
    int size = 2 * 1024 + 10;
    byte[] expected = new byte[size];
    System.arraycopy(data, 2048, expected, 0, 1024);
    System.arraycopy(data, 0, expected, 2048, 10);
    ByteBuffer map = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    image.inode(1, 8, FILE, size, 1).tail(map.putInt(block + 4).putInt(-1).putInt(block).array());
    ByteBuffer indexes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    indexes.putInt(0).putInt(block + 4).putInt(0).putInt(-1).putInt(0).putInt(block);
    image.inode(2, 8, FILE, size, 1 | 0x20).tail(indexes.array());
    image.directory(0, 0, "indexes", 2, "map", 1);
    try (ErofsImage erofs = image.open()) {
      erofs.check();
      assertThat(read(find(erofs, "map"))).isEqualTo(expected);
      assertThat(read(find(erofs, "indexes"))).isEqualTo(expected);
    }
  }

  @Test
  void refusesChunksThatAreElsewhere() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    image.inode(1, 8, FILE, 4096, 0).tail(new byte[] {0, 0, 0, 1});
    image.directory(0, 0, "f", 1);
    try (ErofsImage erofs = image.open()) {
      assertThatThrownBy(erofs::check).isInstanceOf(CorruptImageException.class);
      ImageInode file = find(erofs, "f");
      assertThatThrownBy(() -> read(file)).isInstanceOf(CorruptImageException.class);
    }
    HandmadeImage device = new HandmadeImage(12);
    device.inode(1, 8, FILE, 4096, 0x20).tail(new byte[] {0, 0, 1, 0, 0, 0, 0, 0});
    device.directory(0, 0, "f", 1);
    try (ErofsImage erofs = device.open()) {
      assertThatThrownBy(erofs::check)
          .isInstanceOf(UnsupportedFormatException.class)
          .hasMessageContaining("another device");
    }
  }

  @Test
  void refusesMoreChunksThanTheImageHas() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    int at = HandmadeImage.offset(1);
    image.inode(1, 9, FILE, 0, 0);
    image.bytes.putLong(at + Disk.I_SIZE, Long.MAX_VALUE).putInt(at + Disk.EXTENDED_NLINK, 1);
    image.directory(0, 0, "f", 1);
    try (ErofsImage erofs = image.open()) {
      assertThatThrownBy(erofs::check)
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("chunks");
    }
  }

  @Test
  void readsFlatFilesThatAreHoles() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    image.inode(1, 0, FILE, 700_000, -1).directory(0, 0, "f", 1);
    try (ErofsImage erofs = image.open()) {
      erofs.check();
      assertThat(read(find(erofs, "f"))).isEqualTo(new byte[700_000]);
    }
  }

  @ParameterizedTest(name = "long prefixes in a packed inode: {0}")
  @ValueSource(booleans = {false, true})
  void readsLongXattrPrefixes(boolean packed) throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    // base user., infix "long."; then base trusted., infix "overlay."
    byte[] table = {
      6, 0, 1, 'l', 'o', 'n', 'g', '.', 9, 0, 4, 'o', 'v', 'e', 'r', 'l', 'a', 'y', '.'
    };
    int superblock = Disk.SUPERBLOCK;
    image.bytes.put(superblock + Disk.SB_XATTR_PREFIX_COUNT, (byte) 2);
    if (packed) {
      image.inode(7, 4, FILE, table.length, 0).tail(table);
      image.bytes.putLong(superblock + Disk.SB_PACKED_NID, HandmadeImage.nid(7));
    } else {
      image.bytes.put(HandmadeImage.DATA, table);
      image.bytes.putInt(superblock + Disk.SB_XATTR_PREFIX_START, HandmadeImage.DATA / 4);
      // With this bit the packed inode has something else in it.
      image.bytes.putInt(superblock + Disk.SB_FEATURE_COMPAT, Disk.COMPAT_PLAIN_XATTR_PREFIXES);
      image.bytes.putLong(superblock + Disk.SB_PACKED_NID, HandmadeImage.nid(2));
    }
    image.inode(1, 0, FILE, 0, 0, HandmadeImage.body(0x80, "own", "1"));
    image.inode(2, 0, FILE, 0, 0, HandmadeImage.body(0x81, "opaque", "y"));
    image.inode(3, 0, FILE, 0, 0, HandmadeImage.body(0x82, "none", ""));
    image.directory(0, 0, "a", 1, "b", 2, "c", 3);
    try (ErofsImage erofs = image.open()) {
      assertThat(onlyXattr(find(erofs, "a"))).isEqualTo("user.long.own=1");
      assertThat(onlyXattr(find(erofs, "b"))).isEqualTo("trusted.overlay.opaque=y");
      assertThatThrownBy(erofs::check)
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("prefix");
    }
  }

  @Test
  void readsCompactTimesAndLinkCountsOfNewerWriters() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    image.inode(1, 0x10, FILE, 0, 0);
    image.bytes.putShort(HandmadeImage.offset(1) + Disk.COMPACT_NLINK, (short) 0);
    image.bytes.putInt(HandmadeImage.offset(1) + Disk.COMPACT_MTIME, 234);
    image.directory(0, 0, "f", 1);
    try (ErofsImage erofs = image.open()) {
      erofs.check();
      assertThat(find(erofs, "f").nlink()).isEqualTo(1);
      assertThat(find(erofs, "f").mtimeSeconds()).isEqualTo(1234);
      assertThat(erofs.root().mtimeSeconds()).isEqualTo(1000);
    }
  }

  @Test
  void readsDirectoriesWithoutDot() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    image.inode(1, 0, FILE, 0, 0);
    byte[] block = image.entries(0, 0, false, "f", 1);
    image.inode(0, 0x14, Inode.S_IFDIR | 0755, block.length, 0).tail(block);
    try (ErofsImage erofs = image.open()) {
      erofs.check();
      assertThat(erofs.root().lookup(FileName.encode("f"))).isNotNull();
    }
    image.bytes.putShort(HandmadeImage.offset(0), (short) 4);
    try (ErofsImage erofs = image.open()) {
      assertThatThrownBy(erofs::check).isInstanceOf(CorruptImageException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0x8, 0x80, 0x100})
  void refusesFeaturesThatItDoesNotKnow(int feature) {
    HandmadeImage image = new HandmadeImage(12).directory(0, 0);
    image.bytes.putInt(Disk.SUPERBLOCK + Disk.SB_FEATURE_INCOMPAT, feature);
    assertThatThrownBy(() -> image.open().close()).isInstanceOf(UnsupportedFormatException.class);
  }

  @Test
  void refusesFurtherDevices() {
    HandmadeImage image = new HandmadeImage(12).directory(0, 0);
    image.bytes.putShort(Disk.SUPERBLOCK + Disk.SB_EXTRA_DEVICES, (short) 1);
    assertThatThrownBy(() -> image.open().close())
        .isInstanceOf(UnsupportedFormatException.class)
        .hasMessageContaining("devices");
  }

  private static ImageInode find(ErofsImage erofs, String name) throws IOException {
    ImageInode inode = erofs.root().lookup(FileName.encode(name));
    assertThat(inode).isNotNull();
    return inode;
  }

  private static String onlyXattr(ImageInode inode) throws IOException {
    ImageAttributes attributes = inode.attributes();
    assertThat(attributes.size()).isEqualTo(1);
    return FileName.decode(attributes.name(0)) + "=" + FileName.decode(attributes.value(0));
  }

  /** Reads in pieces that fit no block. */
  private static byte[] read(ImageInode inode) throws IOException {
    byte[] bytes = new byte[(int) inode.size()];
    for (int done = 0; done < bytes.length; ) {
      int count = inode.read(done, bytes, done, Math.min(777, bytes.length - done));
      assertThat(count).isPositive();
      done += count;
    }
    return bytes;
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }
}
