package io.github.composefs4j.core.verity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.testkit.Tools;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class VerityDigestsTest {
  private static VerityDigests.Source source(byte[] bytes) {
    return (position, into, offset, length) -> {
      int count = (int) Math.max(0, Math.min(length, bytes.length - position));
      System.arraycopy(bytes, (int) position, into, offset, count);
      return count;
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4096, 1 << 20, (1 << 20) + 1, (67 << 20) - 5})
  void equalsTheStreamForAnyNumberOfThreads(int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    // A block of zeros takes another way through the hasher.
    Arrays.fill(bytes, size / 3, size / 2, (byte) 0);
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      Digest expected = VerityHasher.digest(algorithm, bytes);
      try (ExecutorService helpers = Executors.newFixedThreadPool(3)) {
        for (int threads : new int[] {1, 2, 7}) {
          assertThat(VerityDigests.digest(source(bytes), size, algorithm, 4096, helpers, threads))
              .isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void helpersNeedNotCome() throws IOException {
    byte[] bytes = new byte[5 << 20];
    new Random(1).nextBytes(bytes);
    assertThat(
            VerityDigests.digest(
                source(bytes), bytes.length, HashAlgorithm.SHA256, 4096, _ -> {}, 8))
        .isEqualTo(VerityHasher.digest(HashAlgorithm.SHA256, bytes));
  }

  @Test
  void doesNotReadHoles() throws IOException {
    long size = (1L << 30) + 17;
    AtomicLong read = new AtomicLong();
    VerityDigests.Source holes =
        new VerityDigests.Source() {
          @Override
          public int read(long position, byte[] into, int offset, int length) {
            read.addAndGet(length);
            Arrays.fill(into, offset, offset + length, (byte) 0);
            return length;
          }

          @Override
          public long nextData(long position, long end) {
            return end;
          }
        };
    VerityHasher hasher = new VerityHasher(HashAlgorithm.SHA256);
    byte[] zeros = new byte[1 << 20];
    for (int i = 0; i < 1024; i++) {
      hasher.update(zeros, 0, zeros.length);
    }
    hasher.update(zeros, 0, 17);
    assertThat(VerityDigests.digest(holes, size, HashAlgorithm.SHA256, 4096, Runnable::run, 1))
        .isEqualTo(hasher.digest());
    assertThat(read).hasValueLessThan(2 << 20);
  }

  @Test
  void tellsOfASourceThatEndsEarly() {
    assertThatThrownBy(() ->
            VerityDigests.digest(
                source(new byte[3 << 20]), 4 << 20, HashAlgorithm.SHA256, 4096, Runnable::run, 2))
        .isInstanceOf(EOFException.class);
  }

  @Test
  void aFailureIsToldWhenNobodyReadsAnyMore() throws Exception {
    AtomicInteger reading = new AtomicInteger();
    VerityDigests.Source broken =
        (position, into, offset, length) -> {
          reading.incrementAndGet();
          try {
            if (position == 8L * VerityDigests.CHUNK) {
              throw new IOException("broken");
            }
            Thread.sleep(20);
            return length;
          } catch (InterruptedException e) {
            throw new IOException(e);
          } finally {
            reading.decrementAndGet();
          }
        };
    try (ExecutorService helpers = Executors.newFixedThreadPool(3)) {
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(() ->
                VerityDigests.digest(
                    broken, 64L * VerityDigests.CHUNK, HashAlgorithm.SHA256, 4096, helpers, 4))
            .hasMessage("broken");
        assertThat(reading).hasValue(0);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(HashAlgorithm.class)
  void agreesWithFsverity(HashAlgorithm algorithm, @TempDir Path directory) throws Exception {
    Tools.require("fsverity");
    int[] sizes = {
      0, 1, 4095, 4096, 4097, 8192, 131072, 131073, 262145, 528384, 524288, 1 << 20, 3_000_017
    };
    List<String> command = new ArrayList<>();
    for (int size : sizes) {
      byte[] bytes = new byte[size];
      new Random(size).nextBytes(bytes);
      Path file = directory.resolve("f" + size);
      Files.write(file, bytes);
      command.add(file.toString());
    }
    for (int blockSize = 1024; blockSize <= 65536; blockSize *= 2) {
      List<String> arguments = new ArrayList<>();
      arguments.addAll(
          List.of(
              "fsverity",
              "digest",
              "--compact",
              "--hash-alg=" + algorithm.label(),
              "--block-size=" + blockSize));
      arguments.addAll(command);
      List<String> expected = Tools.run(arguments);
      for (int i = 0; i < sizes.length; i++) {
        byte[] bytes = Files.readAllBytes(Path.of(command.get(i)));
        assertThat(
                VerityDigests.digest(
                        source(bytes), bytes.length, algorithm, blockSize, Runnable::run, 2)
                    .hex())
            .isEqualTo(expected.get(i));
      }
    }
  }
}
