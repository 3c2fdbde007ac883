package io.github.composefs4j.core.nio;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Objects and images damaged on disk, before they are opened and while they are open: a read gives
 * the right bytes or fails. By hand: {@code -Dtest.damages=1000 -Dtest.damages.directory=…} on each
 * file system.
 */
class DamageTest {
  private static final int ROUNDS = Integer.getInteger("test.damages", 60);

  private Path directory;
  private Path image;
  private Path objects;
  private Digest digest;
  private final Map<String, byte[]> contents = new TreeMap<>();
  private final Map<String, Path> files = new TreeMap<>();
  private byte[] goodImage;
  private int wrong;
  private int refused;

  @BeforeEach
  void write() throws IOException {
    String parent = System.getProperty("test.damages.directory");
    directory =
        parent == null
            ? Files.createTempDirectory("damage")
            : Files.createTempDirectory(Path.of(parent), "damage");
    objects = Files.createDirectory(directory.resolve("objects"));
    TreeBuilder tree = new TreeBuilder();
    for (int size : new int[] {65, 4095, 4096, 4097, 9_000, 70_000, 600_000, 2_500_000}) {
      byte[] content = new byte[size];
      new Random(size).nextBytes(content);
      Digest object = VerityHasher.digest(HashAlgorithm.SHA256, content);
      Path file = objects.resolve(new String(object.objectPath(), StandardCharsets.US_ASCII));
      Files.createDirectories(file.getParent());
      Files.write(file, content);
      tree.object("/" + size, size, object);
      contents.put("/" + size, content);
      files.put("/" + size, file);
    }
    tree.file("/inline", "inside");
    contents.put("/inline", "inside".getBytes(StandardCharsets.UTF_8));
    goodImage = TestImages.write(tree.tree(), ImageOptions.DEFAULT);
    digest = VerityHasher.digest(HashAlgorithm.SHA256, goodImage);
    image = Files.write(directory.resolve("image.cfs"), goodImage);
  }

  @AfterEach
  void delete() throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private FileSystem open(String verify) throws IOException {
    return FileSystems.newFileSystem(
        image, Map.of("objects", objects, "digest", digest, "verify", verify));
  }

  /** A file and what was done to it. */
  private record Damage(String path, Path file, byte[] good, Path... others) {}

  /** Flips a bit, cuts, grows, swaps with another object, or replaces a block by zeros. */
  private Damage damage(RandomGenerator random, boolean ofImage) throws IOException {
    List<String> all = new ArrayList<>(files.keySet());
    String path = ofImage ? "" : all.get(random.nextInt(all.size()));
    Path file = ofImage ? image : files.get(path);
    byte[] good = ofImage ? goodImage : contents.get(path);
    byte[] bad = good.clone();
    switch (random.nextInt(10)) {
      case 0 -> write(file, Arrays.copyOf(bad, random.nextInt(bad.length)));
      case 1 -> write(file, Arrays.copyOf(bad, bad.length + 1 + random.nextInt(10_000)));
      case 2 -> {
        // Another file of the same size under this name, as a rename puts it there.
        new Random(random.nextLong()).nextBytes(bad);
        Path other = Files.write(directory.resolve("other"), bad);
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
      }
      default -> {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
        write(file, bad);
      }
    }
    return new Damage(path, file, good);
  }

  /** In place: the file that readers have open changes. */
  private static void write(Path file, byte[] bytes) throws IOException {
    try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
      out.truncate(Math.min(out.size(), bytes.length));
      for (ByteBuffer from = ByteBuffer.wrap(bytes); from.hasRemaining(); ) {
        out.write(from, from.position());
      }
    }
  }

  /** Reads in one of many ways; what comes must be part of the content. */
  private void read(FileSystem fileSystem, String path, RandomGenerator random, boolean damaged) {
    byte[] content = contents.get(path);
    int from = random.nextInt(content.length);
    int length = 1 + random.nextInt(content.length - from);
    try (FileChannel channel = FileChannel.open(fileSystem.getPath(path));
        Arena arena = Arena.ofConfined()) {
      read(channel, arena, content, from, length, random);
    } catch (IOException e) {
      refused++;
      assertThat(damaged).as("%s: %s", path, e).isTrue();
    }
  }

  private void read(
      FileChannel channel,
      Arena arena,
      byte[] content,
      int from,
      int length,
      RandomGenerator random)
      throws IOException {
    byte[] got =
        switch (random.nextInt(4)) {
          case 0 -> Channels.newInputStream(channel.position(from)).readNBytes(length);
          case 1 -> {
            ByteBuffer buffer = ByteBuffer.allocateDirect(length);
            while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) > 0) {}
            byte[] read = new byte[buffer.flip().remaining()];
            buffer.get(read);
            yield read;
          }
          case 2 -> {
            java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
            channel.transferTo(from, length, Channels.newChannel(out));
            yield out.toByteArray();
          }
          default ->
              channel
                  .map(FileChannel.MapMode.READ_ONLY, from, length, arena)
                  .toArray(ValueLayout.JAVA_BYTE);
        };
    if (!Arrays.equals(got, Arrays.copyOfRange(content, from, from + length))) {
      wrong++;
    }
  }

  private void readAll(FileSystem fileSystem, RandomGenerator random, String damaged) {
    for (String path : contents.keySet()) {
      read(fileSystem, path, random, path.equals(damaged));
    }
  }

  @Test
  void aDamagedObjectIsNeverReadWrong() {
    Seeds.forEach(
        ROUNDS,
        random -> {
          try (FileSystem before = open("always")) {
            boolean warm = random.nextBoolean();
            if (warm) {
              readAll(before, random, "");
            }
            Damage damage = damage(random, false);
            readAll(before, random, damage.path);
            try (FileSystem after = open("always")) {
              readAll(after, random, damage.path);
            }
            write(damage.file, damage.good);
            readAll(before, random, "");
          }
        });
    assertThat(wrong).isZero();
    assertThat(refused).isGreaterThan(ROUNDS / 2);
    System.out.println(ROUNDS + " damaged objects: " + refused + " reads refused, 0 wrong");
  }

  @Test
  void aDamagedImageIsNeverReadWrong() {
    Seeds.forEach(
        ROUNDS,
        random -> {
          try (FileSystem before = open("always")) {
            Damage damage = damage(random, true);
            readAll(before, random, "");
            try (FileSystem after = open("always")) {
              assertThat(after.isOpen()).as("a damaged image was opened").isFalse();
            } catch (IOException
                | UnsupportedOperationException
                | IllegalArgumentException
                | java.nio.file.ProviderNotFoundException e) {
              refused++;
            }
            write(damage.file, damage.good);
          }
        });
    assertThat(wrong).isZero();
    assertThat(refused).isEqualTo(ROUNDS);
    System.out.println(ROUNDS + " damaged images: " + refused + " refused");
  }

  /** The control: without verification the same damages are read. */
  @Test
  void withoutVerificationWrongBytesAreRead() throws IOException {
    Seeds.forEach(
        30,
        random -> {
          try (FileSystem unchecked = open("off")) {
            Damage damage = damage(random, false);
            for (int i = 0; i < 5; i++) {
              read(unchecked, damage.path, random, true);
            }
            write(damage.file, damage.good);
          }
        });
    assertThat(wrong).isPositive();
  }

  /** A tree walk over an image that nobody vouches for ends, one way or the other. */
  @Test
  void hostileImagesEndInExceptions() {
    Seeds.forEach(
        ROUNDS * 5,
        random -> {
          byte[] bad = goodImage.clone();
          for (int i = 1 + random.nextInt(3); i > 0; i--) {
            // Not the zeros between the stubs: where the inodes and names are.
            bad[1024 + random.nextInt(bad.length - 1024)] ^= (byte) (1 << random.nextInt(8));
          }
          write(image, bad);
          try (FileSystem hostile = FileSystems.newFileSystem(image, Map.of("objects", objects));
              Stream<Path> all = Files.walk(hostile.getPath("/"))) {
            for (Path path : (Iterable<Path>) all.limit(10_000)::iterator) {
              Files.readAttributes(path, "unix:*", java.nio.file.LinkOption.NOFOLLOW_LINKS);
              Files.readAttributes(path, "xattr:*", java.nio.file.LinkOption.NOFOLLOW_LINKS);
              if (Files.isRegularFile(path) && Files.size(path) < 1 << 20) {
                Files.readAllBytes(path);
              }
            }
          } catch (IOException | UncheckedIOException | DirectoryIteratorException e) {
            refused++;
          }
        });
    assertThat(refused).isPositive();
  }
}
