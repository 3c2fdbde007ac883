package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images made to exhaust a reader, and files that do not behave. */
@Timeout(60)
class HostileImageTest {
  private static final String STAT = " 1 0 0 0 0.0 ";

  @TempDir Path scratch;

  @Test
  void readsTheDeepestTreeAndRefusesADeeperOne() throws IOException {
    byte[] deepest = write(nested(Limits.DEPTH_MAX, "- - -", "100644"), FormatVersion.V0);
    try (ErofsImage image = TestImages.open(deepest)) {
      image.check();
      assertThat(image.toTree().directories()).isEqualTo(Limits.DEPTH_MAX + 1L);
    }
    byte[] deeper = oneDeeper();
    try (ErofsImage image = TestImages.open(deeper)) {
      assertThatThrownBy(image::check)
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("nested deeper than 2048");
      assertThatThrownBy(image::toTree).hasMessageContaining("nested deeper than 2048");
    }
  }

  /** The writer makes no such image: a file becomes a directory, its content the entries. */
  private static byte[] oneDeeper() throws IOException {
    String content = "x".repeat(12 * 2 + 3);
    byte[] bytes =
        write(nested(Limits.DEPTH_MAX, "- " + content + " -", "100644"), FormatVersion.V0);
    ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    ImageInode parent;
    ImageInode file;
    try (ErofsImage erofs = TestImages.open(bytes)) {
      parent = erofs.root();
      file = parent;
      ImageWalk walk = new ImageWalk(erofs);
      while (walk.next()) {
        parent = walk.inode().isDirectory() ? walk.inode() : parent;
        file = walk.inode();
      }
    }
    int at = (int) file.offset();
    image.putShort(at + Disk.I_MODE, (short) (Inode.S_IFDIR | 0755));
    image.putShort(at + Disk.COMPACT_NLINK, (short) 2);
    int entries = at + ImageLayout.COMPACT;
    image.putLong(entries, file.nid()).putShort(entries + 8, (short) 24);
    image.putShort(entries + 10, (short) Disk.FT_DIRECTORY);
    image.putLong(entries + 12, parent.nid()).putShort(entries + 20, (short) 25);
    image.putShort(entries + 22, (short) Disk.FT_DIRECTORY);
    image.put(entries + 24, "...".getBytes(StandardCharsets.US_ASCII));
    image.putShort((int) parent.offset() + Disk.COMPACT_NLINK, (short) 3);
    // The third entry of the parent, after . and ..
    int third = (int) parent.offset() + ImageLayout.COMPACT + 2 * ImageLayout.DIRENT;
    assertThat(image.getLong(third)).isEqualTo(file.nid());
    image.put(third + Disk.DIRENT_FILE_TYPE, (byte) Disk.FT_DIRECTORY);
    return bytes;
  }

  /** A chain of directories below the root with a file in the last. */
  private static String nested(int depth, String rest, String mode) {
    StringBuilder dump = new StringBuilder("/ 0 40755" + STAT + "- - -\n");
    StringBuilder path = new StringBuilder();
    for (int i = 0; i < depth; i++) {
      path.append("/d");
      dump.append(path).append(" 0 40755").append(STAT).append("- - -\n");
    }
    int size = rest.length() - 4;
    return dump.append(path)
        .append("/f ")
        .append(Math.max(0, size == 1 ? 0 : size))
        .append(' ')
        .append(mode)
        .append(STAT)
        .append(rest)
        .append('\n')
        .toString();
  }

  /** Inodes 32 bytes apart, each with the bytes of the following ones as its xattrs. */
  @Test
  void refusesOverlappingInodes() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    int count = 400;
    ByteBuffer bytes = image.bytes;
    byte[] big = HandmadeImage.body(1, "x", "v".repeat(20_000));
    Object[] names = new Object[2 * count];
    // Every inode says that its xattr body reaches 20,000 bytes; the bodies are not looked at.
    for (int i = 0; i < count; i++) {
      image.inode(i + 1, 0, Inode.S_IFREG | 0644, 0, 0);
      bytes.putShort(HandmadeImage.offset(i + 1) + 2, (short) ((big.length - 12) / 4 + 1));
      names[2 * i] = Integer.toString(1000 + i);
      names[2 * i + 1] = i + 1;
    }
    byte[] block = image.entries(0, 0, true, names);
    assertThat(block.length).isGreaterThan(4096);
    image = manyEntries(image, names);
    try (ErofsImage erofs = image.open()) {
      assertThatThrownBy(
              () -> {
                ImageWalk walk = new ImageWalk(erofs);
                while (walk.next()) {
                  assertThat(walk.pathLength()).isPositive();
                }
              })
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("overlap");
    }
  }

  /** Puts the entries of the root into blocks of 100. */
  private static HandmadeImage manyEntries(HandmadeImage image, Object[] names) {
    int at = HandmadeImage.DATA;
    int blocks = 0;
    for (int from = 0; from < names.length; from += 200, blocks++) {
      Object[] part = Arrays.copyOfRange(names, from, Math.min(names.length, from + 200));
      byte[] block = image.entries(0, 0, true, part);
      if (from > 0) {
        // Only the first block has the dots.
        block = withoutDots(block);
      }
      image.bytes.put(at + 4096 * blocks, block);
    }
    return image.inode(0, 0, Inode.S_IFDIR | 0755, 4096 * blocks, image.block(at));
  }

  private static byte[] withoutDots(byte[] block) {
    ByteBuffer old = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
    int count = old.getShort(8) / 12;
    ByteBuffer result = ByteBuffer.allocate(block.length - 27).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 2; i < count; i++) {
      result
          .putLong(old.getLong(12 * i))
          .putShort((short) (old.getShort(12 * i + 8) - 27))
          .putShort(old.getShort(12 * i + 10));
    }
    return result.put(block, 12 * count + 3, block.length - 12 * count - 3).array();
  }

  @Test
  void refusesStubsOutsideOfTheRoot() throws IOException {
    byte[] bytes =
        write(
            "/ 0 40755"
                + STAT
                + "- - -\n/d 0 40755"
                + STAT
                + "- - -\n/d/c 0 20644 1 0 0 5 0.0 - - -\n",
            FormatVersion.V0);
    int offset;
    try (ErofsImage image = TestImages.open(bytes)) {
      image.check();
      ImageInode directory = image.root().lookup(new byte[] {'d'});
      assertThat(directory).isNotNull();
      ImageInode device = directory.lookup(new byte[] {'c'});
      assertThat(device).isNotNull();
      offset = (int) device.offset();
    }
    bytes[offset + Disk.I_U] = 0;
    try (ErofsImage image = TestImages.open(bytes)) {
      assertThatThrownBy(image::check).hasMessageContaining("outside of the root");
      assertThatThrownBy(image::toTree).hasMessageContaining("outside of the root");
    }
  }

  /** Names must not be compared each with all others. */
  @Test
  @Timeout(10)
  void readsManyXattrsInLinearTime() throws IOException {
    HandmadeImage image = new HandmadeImage(12);
    int count = 20_000;
    ByteBuffer body = ByteBuffer.allocate(12 + 12 * count).order(ByteOrder.LITTLE_ENDIAN);
    body.position(12);
    for (int i = 0; i < count; i++) {
      body.put((byte) 8).put((byte) 1).putShort((short) 0);
      body.put(Integer.toString(10_000_000 + i).getBytes(StandardCharsets.US_ASCII));
    }
    image.directory(0, 0);
    image.inode(1, 0, Inode.S_IFREG | 0644, 0, 0, body.array());
    image.bytes.putShort(HandmadeImage.offset(1) + 2, (short) (3 * count + 1));
    byte[] block = image.entries(0, 0, true, "f", 1);
    image.inode(0, 4, Inode.S_IFDIR | 0755, block.length, 0).tail(block);
    try (ErofsImage erofs = image.open()) {
      // Often enough that a time that grows with the square does not pass for a slow machine.
      for (int round = 0; round < 60; round++) {
        ImageInode file = erofs.root().lookup(new byte[] {'f'});
        assertThat(file).isNotNull();
        assertThat(file.attributes().size()).isEqualTo(count);
      }
    }
  }

  /** Writers copy the link count unchecked: many links with a count of 1 must not take long. */
  @Test
  @Timeout(20)
  void findsFirstPathsWhateverTheLinkCountSays() throws IOException {
    StringBuilder dump = new StringBuilder("/ 0 40755" + STAT + "- - -\n");
    int count = 5000;
    for (int i = 0; i < count; i++) {
      int nlink = i % 2 + 1;
      dump.append("/a").append(i).append(" 0 100644 ").append(nlink).append(" 0 0 0 0.0 - - -\n");
      dump.append("/b").append(i).append(" 0 @100644 1 0 0 0 0.0 /a").append(i).append(" - -\n");
    }
    try (ErofsImage image = TestImages.open(write(dump.toString(), FormatVersion.V0))) {
      ImageWalk walk = new ImageWalk(image);
      int links = 0;
      while (walk.next()) {
        if (walk.isRepeated()) {
          links++;
          String path =
              new String(walk.pathArray(), 0, walk.pathLength(), StandardCharsets.US_ASCII);
          assertThat(new String(walk.firstPath(), StandardCharsets.US_ASCII))
              .isEqualTo("/a" + path.substring(2));
        }
      }
      assertThat(links).isEqualTo(count);
    }
  }

  @Test
  void tellsFirstPathsBelowDirectories() throws IOException {
    String dump =
        "/ 0 40755"
            + STAT
            + "- - -\n/x 0 40755"
            + STAT
            + "- - -\n/x/y 0 40755"
            + STAT
            + "- - -\n"
            + "/x/y/f 0 100644 3 0 0 0 0.0 - - -\n/x/y/g 0 @100644 3 0 0 0 0.0 /x/y/f - -\n"
            + "/x/z 0 @100644 3 0 0 0 0.0 /x/y/f - -\n";
    try (ErofsImage image = TestImages.open(write(dump, FormatVersion.V0))) {
      List<String> links = new ArrayList<>();
      ImageWalk walk = new ImageWalk(image);
      while (walk.next()) {
        if (walk.isRepeated()) {
          links.add(new String(walk.pathArray(), 0, walk.pathLength(), StandardCharsets.US_ASCII));
          assertThat(walk.firstPath()).isEqualTo("/x/y/f".getBytes(StandardCharsets.US_ASCII));
        }
      }
      assertThat(links).containsExactly("/x/y/g", "/x/z");
    }
  }

  @Test
  void refusesFilesThatAreNoImages() throws IOException {
    Random random = new Random(3);
    for (int length : new int[] {0, 1, 31, 32, 1023, 1024, 1151, 1152, 4095, 4096, 100_000}) {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      Path file = scratch.resolve("noise");
      Files.write(file, bytes);
      assertThatThrownBy(() -> ErofsImage.open(file).close())
          .isInstanceOf(ComposefsException.class)
          .hasMessageStartingWith(file + ": ")
          .hasMessageNotContaining("\n");
    }
    assertThatThrownBy(() -> ErofsImage.open(scratch).close()).isInstanceOf(IOException.class);
  }

  @Test
  void reportsAFileThatIsCutShort() throws IOException {
    Path file = scratch.resolve("image");
    Files.write(file, write(nested(2000, "- - -", "100644"), FormatVersion.V0));
    try (ErofsImage image = ErofsImage.open(file);
        RandomAccessFile cutter = new RandomAccessFile(file.toFile(), "rw")) {
      cutter.setLength(70_000);
      assertThatThrownBy(image::check)
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("cut short");
    }
  }

  /** A file larger than the pages kept, read at random by many threads. */
  @Test
  void threadsShareTheBytesOfALargeFile() throws Exception {
    Path file = scratch.resolve("large");
    int longs = 6 << 20;
    ByteBuffer buffer = ByteBuffer.allocate(8 * longs).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < longs; i++) {
      buffer.putLong(value(i));
    }
    Files.write(file, buffer.array());
    try (ImageBytes bytes = ImageBytes.open(file, "large");
        ExecutorService threads = Executors.newFixedThreadPool(6)) {
      List<Future<?>> work = new ArrayList<>();
      for (int thread = 0; thread < 6; thread++) {
        Random random = new Random(thread);
        work.add(
            threads.submit(() -> {
              for (int round = 0; round < 20_000; round++) {
                readAt(bytes, random.nextInt(8 * longs - 40), random);
              }
              return null;
            }));
      }
      for (Future<?> each : work) {
        each.get();
      }
    }
  }

  private static void readAt(ImageBytes bytes, int position, Random random) throws IOException {
    // Half of the reads straddle two pages.
    int at = random.nextBoolean() ? position : (position & ~0xffff) + 65536 - random.nextInt(8);
    if (at > bytes.size() - 40) {
      return;
    }
    long expected = at(at);
    if (bytes.i64(at) != expected
        || bytes.i32(at) != (int) expected
        || bytes.u16(at) != (int) (expected & 0xffff)
        || bytes.u8(at) != (int) (expected & 0xff)) {
      throw new AssertionError("wrong bytes at " + at);
    }
    ByteBuffer copy = ByteBuffer.wrap(bytes.copy(at, 24)).order(ByteOrder.LITTLE_ENDIAN);
    if (copy.getLong(0) != expected || copy.getLong(16) != at(at + 16)) {
      throw new AssertionError("wrong copy at " + at);
    }
  }

  private static long at(int position) {
    int shift = 8 * (position & 7);
    long low = value(position >> 3) >>> shift;
    return shift == 0 ? low : low | value((position >> 3) + 1) << 64 - shift;
  }

  private static long value(int i) {
    long x = (i + 1) * 0x9e3779b97f4a7c15L;
    return x ^ x >>> 29;
  }

  private static byte[] write(String dump, FormatVersion version) throws IOException {
    return TestImages.write(TestImages.parse(dump), ImageOptions.of(version));
  }
}
