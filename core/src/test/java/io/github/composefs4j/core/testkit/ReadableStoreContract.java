package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
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
import org.junit.jupiter.api.io.TempDir;

/** What every store of objects does when it is read. */
public abstract class ReadableStoreContract {
  private static final int[] SIZES = {1, 100, 4096, 4097, 128 * 4096, 700_001, 3_000_001};

  @TempDir protected Path directory;

  /** {@return a store with objects of these contents, and no others} */
  protected abstract ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents)
      throws Exception;

  /** Makes an object directory, for implementations that need one. */
  protected static void fill(Path objects, HashAlgorithm algorithm, List<byte[]> contents)
      throws IOException {
    for (byte[] content : contents) {
      Digest digest = VerityHasher.digest(algorithm, content);
      Path object = objects.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
      Files.createDirectories(object.getParent());
      Files.write(object, content);
    }
  }

  private static List<byte[]> contents() {
    List<byte[]> contents = new ArrayList<>();
    for (int size : SIZES) {
      contents.add(content(size));
    }
    return contents;
  }

  private static byte[] content(int size) {
    byte[] content = new byte[size];
    new Random(size).nextBytes(content);
    return content;
  }

  @Test
  void readsAtAnyPosition() throws Exception {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      List<byte[]> contents = contents();
      try (ObjectStore store = store(algorithm, contents)) {
        assertThat(store.algorithm()).isEqualTo(algorithm);
        for (byte[] content : contents) {
          try (ObjectReader reader = store.open(VerityHasher.digest(algorithm, content))) {
            assertThat(reader.size()).isEqualTo(content.length);
            assertReads(reader, content, 0, content.length);
            assertReads(reader, content, content.length / 2, 1000);
            assertReads(reader, content, content.length - 1, 1);
            assertThat(reader.read(content.length, new byte[10], 0, 10)).isZero();
            assertThat(reader.read(content.length + 5000L, new byte[10], 0, 10)).isZero();
          }
        }
      }
    }
  }

  private static void assertReads(ObjectReader reader, byte[] content, int at, int length)
      throws IOException {
    byte[] into = new byte[length + 20];
    int expected = Math.min(length, content.length - at);
    assertThat(reader.read(at, into, 10, length)).isEqualTo(expected);
    assertThat(Arrays.copyOfRange(into, 10, 10 + expected))
        .isEqualTo(Arrays.copyOfRange(content, at, at + expected));
    assertThat(Arrays.copyOf(into, 10)).containsOnly(0);
    assertThat(Arrays.copyOfRange(into, 10 + length, length + 20)).containsOnly(0);
  }

  @Test
  void saysWhatIsThere() throws Exception {
    HashAlgorithm algorithm = HashAlgorithm.SHA256;
    try (ObjectStore store = store(algorithm, contents())) {
      Digest here = VerityHasher.digest(algorithm, content(SIZES[2]));
      Digest missing = VerityHasher.digest(algorithm, new byte[] {1, 2, 3});
      assertThat(store.present(List.of(missing, here, missing, here))).hasToString("{1, 3}");
      assertThat(store.present(List.of()).isEmpty()).isTrue();
      assertThatThrownBy(() -> store.open(missing))
          .isInstanceOfSatisfying(
              MissingObjectException.class, e -> assertThat(e.digest()).isEqualTo(missing.hex()))
          .hasMessageContaining(missing.hex());
    }
  }

  @Test
  void threadsShareAReader() throws Exception {
    byte[] content = content(SIZES[6]);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    try (ObjectStore store = store(HashAlgorithm.SHA256, contents());
        ObjectReader reader = store.open(digest);
        ExecutorService threads = Executors.newFixedThreadPool(6)) {
      List<Future<?>> reads = new ArrayList<>();
      for (int thread = 0; thread < 6; thread++) {
        int seed = thread;
        reads.add(
            threads.submit(() -> {
              Random random = new Random(seed);
              for (int i = 0; i < 40; i++) {
                assertReads(reader, content, random.nextInt(content.length), random.nextInt(9000));
              }
              return null;
            }));
      }
      for (Future<?> read : reads) {
        read.get();
      }
    }
  }
}
