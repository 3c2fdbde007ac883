package io.github.composefs4j.core.verified;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What readers of one verifier share: builds, memory, the telling of failures. */
class VerifierTest {
  @TempDir Path directory;

  private static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  /** Content whose reads wait until they are let go. */
  private static final class SlowObject extends MemoryObject {
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch go = new CountDownLatch(1);

    SlowObject(byte[] bytes) {
      super(bytes);
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      begun.countDown();
      try {
        go.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return super.read(position, into, offset, length);
    }
  }

  @Test
  void aTreeIsBuiltOnceForAllThreads() throws Exception {
    byte[] content = bytes(20 << 20);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    try (ExecutorService threads = Executors.newFixedThreadPool(12)) {
      List<Future<Integer>> reads = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        int position = i * 1000;
        reads.add(
            threads.submit(() -> {
              try (VerifiedReader reader = verifier.open(new MemoryObject(content), digest, "it")) {
                byte[] into = new byte[100];
                assertThat(reader.read(position, into, 0, 100)).isEqualTo(100);
                return Arrays.compare(into, 0, 100, content, position, position + 100);
              }
            }));
      }
      for (Future<Integer> read : reads) {
        assertThat(read.get()).isZero();
      }
    }
    assertThat(verifier.statistics().treesBuilt()).isEqualTo(1);
  }

  @Test
  void whoWaitsTakesOverWhenABuildIsGivenUp() throws Exception {
    byte[] content = bytes(3 << 20);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    SlowObject slow = new SlowObject(content);
    VerifiedReader first = verifier.open(slow, digest, "slow");
    VerifiedReader second = verifier.open(new MemoryObject(content), digest, "fast");
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Integer> building = threads.submit(() -> first.read(0, new byte[1], 0, 1));
      slow.begun.await();
      Future<Integer> waiting = threads.submit(() -> second.read(0, new byte[1], 0, 1));
      Thread.sleep(100);
      assertThat(waiting.isDone()).isFalse();
      first.close();
      assertThat(slow.closed).isFalse();
      slow.go.countDown();
      assertThatThrownBy(building::get).hasCauseInstanceOf(ClosedChannelException.class);
      assertThat(waiting.get(1, TimeUnit.MINUTES)).isEqualTo(1);
    }
    second.close();
    assertThat(slow.closed).isTrue();
    assertThatThrownBy(() -> first.read(0, new byte[1], 0, 1))
        .isInstanceOf(ClosedChannelException.class);
  }

  @Test
  void anInterruptEndsABuild() {
    byte[] content = bytes(3 << 20);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    VerifiedReader reader = verifier.open(new MemoryObject(content), digest, "it");
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> reader.read(0, new byte[1], 0, 1))
        .isInstanceOf(InterruptedIOException.class);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(verifier.statistics().treesBuilt()).isZero();
  }

  /** {@code -Dtest.sparse=17179869184}: 16 GiB, with the bound of 64 MiB that is the default. */
  @Test
  void memoryStaysWithinItsBound() throws IOException {
    long size = Long.getLong("test.sparse", 256L << 20);
    long bound = Math.min(VerifyOptions.HASH_BYTES, size >> 8);
    Path file = directory.resolve("sparse");
    byte[] block = bytes(4096);
    long place = size / 3 / 4096 * 4096;
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      out.write(ByteBuffer.wrap(block), place);
      out.write(ByteBuffer.allocate(1), size - 1);
    }
    Digest digest;
    try (ObjectReader plain = ObjectReader.of(FileChannel.open(file))) {
      digest =
          VerityDigests.digest(plain::read, size, HashAlgorithm.SHA256, 4096, Runnable::run, 1);
    }
    Verifier verifier = new Verifier(VerifyOptions.defaults().withMemory(bound, bound));
    Random random = new Random(1);
    try (VerifiedReader reader =
        verifier.open(ObjectReader.of(FileChannel.open(file)), digest, size, "sparse")) {
      byte[] into = new byte[4096];
      for (int i = 0; i < 300; i++) {
        long position = i % 30 == 0 ? place : random.nextLong(size / 4096) * 4096;
        assertThat(reader.read(position, into, 0, 4096)).isPositive();
        assertThat(into).isEqualTo(position == place ? block : new byte[4096]);
        Verifier.Statistics now = verifier.statistics();
        assertThat(now.hashBytes()).isLessThanOrEqualTo(bound);
        assertThat(now.dataBytes()).isLessThanOrEqualTo(bound);
      }
      // All leaves together are larger than the bound: some were computed again.
      assertThat(verifier.statistics().bytesHashed()).isGreaterThan(size + 300 * 4096);
      byte[] large = new byte[1 << 20];
      for (long at = 0; at < size; at += large.length) {
        assertThat(reader.read(at, large, 0, large.length)).isEqualTo(large.length);
      }
      assertThat(verifier.statistics().hashBytes()).isLessThanOrEqualTo(bound);
    }
    assertThat(verifier.statistics().treesBuilt()).isEqualTo(1);
    Files.delete(file);
  }

  @Test
  void blocksWhoseHashesWereForgottenAreRefusedTogether() throws IOException {
    byte[] content = bytes(4 << 20);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    // No room for any leaves.
    Verifier verifier = new Verifier(VerifyOptions.defaults().withMemory(1000, 0));
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest, "it")) {
      byte[] into = new byte[4 << 20];
      assertThat(reader.read(0, into, 0, into.length)).isEqualTo(into.length);
      assertThat(into).isEqualTo(content);
      byte[] bad = content.clone();
      bad[200 * 4096] ^= 1;
      object.bytes = bad;
      assertThat(reader.read(0, into, 0, 128 * 4096)).isEqualTo(128 * 4096);
      assertThatThrownBy(() -> reader.read(201 * 4096, into, 0, 1))
          .isInstanceOf(DigestMismatchException.class)
          .hasMessageContaining("it: blocks 128 to 255: ");
      assertThatThrownBy(() -> reader.read(128 * 4096, into, 0, 128 * 4096))
          .isInstanceOf(DigestMismatchException.class);
      assertThat(Arrays.copyOf(into, 128 * 4096)).isEqualTo(new byte[128 * 4096]);
      assertThat(reader.read(256 * 4096, into, 0, 10)).isEqualTo(10);
    }
  }

  @Test
  void eachFailureIsOneEvent() throws IOException {
    byte[] content = bytes(10_000);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    content[5000] ^= 1;
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    Path file = directory.resolve("events.jfr");
    try (Recording recording = new Recording();
        VerifiedReader reader = verifier.open(new MemoryObject(content), digest, "the object")) {
      recording.enable("io.github.composefs4j.VerificationFailure");
      recording.start();
      assertThatThrownBy(() -> reader.read(0, new byte[1], 0, 1))
          .isInstanceOf(DigestMismatchException.class);
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    assertThat(events).hasSize(1);
    assertThat(events.getFirst().getString("subject")).isEqualTo("the object");
    assertThat(events.getFirst().getString("expected")).isEqualTo(digest.hex());
    assertThat(verifier.statistics().failures()).isEqualTo(1);
  }
}
