package io.github.composefs4j.core.verified;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The first read of a large object hashes it once, and what it keeps for that is given back. */
class FirstCopyTest {
  private static final int KIB = 1 << 10;
  private static final int MIB = 1 << 20;

  /** What the kernel asks of a server at a time. */
  private static final int REQUEST = 128 * KIB;

  private static final byte[] CONTENT = content(9 * MIB + 5000);
  private static final Digest DIGEST = VerityHasher.digest(HashAlgorithm.SHA256, CONTENT);

  private final Memory memory = new Memory();
  private final MemoryObject object = new MemoryObject(CONTENT);
  private final Verifier verifier = new Verifier(VerifyOptions.defaults().withFirstReads(memory));

  /** Memory that is spoiled when it is given back: whoever still reads it gets wrong bytes. */
  private static final class Memory implements FirstReadMemory {
    int most = Integer.MAX_VALUE;
    volatile int lent;
    volatile int discarded;
    volatile int closed;

    @Override
    public synchronized @Nullable Area borrow(long bytes) {
      if (most == 0) {
        return null;
      }
      byte[] lentBytes = new byte[(int) Math.min(bytes, most)];
      lent += lentBytes.length;
      MemorySegment segment = MemorySegment.ofArray(lentBytes);
      return new Area() {
        @Override
        public MemorySegment bytes() {
          return segment;
        }

        @Override
        public void discard(long offset, long length) {
          synchronized (Memory.this) {
            discarded += (int) length;
          }
          segment.asSlice(offset, length).fill((byte) 0x55);
        }

        @Override
        public void close() {
          synchronized (Memory.this) {
            closed += lentBytes.length;
          }
          segment.fill((byte) 0x55);
        }
      };
    }
  }

  private static byte[] content(int size) {
    byte[] content = new byte[size];
    new Random(5).nextBytes(content);
    return content;
  }

  private VerifiedReader open() throws IOException {
    return verifier.open(object, DIGEST, CONTENT.length, "it");
  }

  private static void readEqual(VerifiedReader reader, int position, int length)
      throws IOException {
    int count = Math.min(length, CONTENT.length - position);
    byte[] into = new byte[length];
    assertThat(reader.read(position, into, 0, length)).isEqualTo(count);
    assertThat(Arrays.mismatch(into, 0, count, CONTENT, position, position + count)).isEqualTo(-1);
  }

  private static void readInOrder(VerifiedReader reader, int from) throws IOException {
    for (int at = from; at < CONTENT.length; at += REQUEST) {
      readEqual(reader, at, REQUEST);
    }
  }

  @Test
  void readingInOrderHashesOnceAndGivesBackWhatWasRead() throws IOException {
    try (VerifiedReader reader = open()) {
      readEqual(reader, 0, REQUEST);
      assertThat(memory.lent).isEqualTo(CONTENT.length);
      assertThat(memory.discarded).isZero();
      for (int at = REQUEST; at < 4 * MIB; at += REQUEST) {
        readEqual(reader, at, REQUEST);
      }
      assertThat(memory.discarded).isEqualTo(4 * MIB);
      assertThat(memory.closed).isZero();
      readInOrder(reader, 4 * MIB);
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(CONTENT.length);
      assertThat(object.read.get()).isEqualTo(CONTENT.length);
      assertThat(memory.closed).isEqualTo(CONTENT.length);
      // Now, nothing is kept: it is read and hashed again.
      readInOrder(reader, 0);
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(2L * CONTENT.length);
      assertThat(memory.lent).isEqualTo(CONTENT.length);
    }
  }

  @Test
  void aSmallReadIsNoReasonToKeepTheRest() throws IOException {
    try (VerifiedReader reader = open()) {
      readEqual(reader, 5 * MIB, 4096);
      readEqual(reader, 0, REQUEST);
      assertThat(memory.lent).isZero();
    }
  }

  @Test
  void withoutMemoryItIsHashedTwice() throws IOException {
    memory.most = 0;
    try (VerifiedReader reader = open()) {
      readInOrder(reader, 0);
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(2L * CONTENT.length);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3 * MIB, 4 * MIB + 4096})
  void withLessMemoryThePartThatIsReadNextIsKept(int from) throws IOException {
    memory.most = 4 * MIB;
    try (VerifiedReader reader = open()) {
      readInOrder(reader, from);
      assertThat(verifier.statistics().bytesHashed())
          .isBetween(2L * CONTENT.length - from - 4 * MIB, 2L * CONTENT.length - from - 2 * MIB);
      readInOrder(reader, 0);
    }
    assertThat(memory.closed).isEqualTo(4 * MIB);
  }

  @Test
  void aReadBehindTheEndKeepsTheEnd() throws IOException {
    memory.most = 4 * MIB;
    try (VerifiedReader reader = open()) {
      assertThat(reader.read(1L << 40, new byte[REQUEST], 0, REQUEST)).isZero();
      readInOrder(reader, 8 * MIB);
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(CONTENT.length);
    }
    assertThat(memory.closed).isEqualTo(4 * MIB);
  }

  @Test
  void whatIsWrongIsGivenBackUnread() throws IOException {
    byte[] damaged = CONTENT.clone();
    damaged[7 * MIB] ^= 1;
    object.bytes = damaged;
    try (VerifiedReader reader = open()) {
      byte[] into = new byte[REQUEST];
      assertThatThrownBy(() -> reader.read(0, into, 0, into.length))
          .isInstanceOf(DigestMismatchException.class);
      assertThat(into).isEqualTo(new byte[REQUEST]);
      assertThat(memory.lent).isEqualTo(CONTENT.length);
      assertThat(memory.closed).isEqualTo(CONTENT.length);
    }
  }

  @Test
  void aChangeAfterItWasHashedIsNeverHandedOut() throws IOException {
    try (VerifiedReader reader = open()) {
      readEqual(reader, 0, REQUEST);
      object.bytes = new byte[CONTENT.length];
      readInOrder(reader, REQUEST);
      byte[] into = new byte[REQUEST];
      assertThatThrownBy(() -> reader.read(0, into, 0, into.length))
          .isInstanceOf(DigestMismatchException.class);
      assertThat(into).isEqualTo(new byte[REQUEST]);
    }
  }

  @Test
  void closingGivesAllBack() throws IOException {
    VerifiedReader reader = open();
    readEqual(reader, 0, REQUEST);
    assertThat(memory.closed).isZero();
    reader.close();
    assertThat(memory.closed).isEqualTo(CONTENT.length);
  }

  @Test
  void whatNobodyReadsOnIsGivenBackAfterSeconds() throws Exception {
    try (VerifiedReader reader = open()) {
      readEqual(reader, 0, REQUEST);
      for (long start = System.nanoTime(); memory.closed == 0; Thread.sleep(20)) {
        assertThat(System.nanoTime() - start).isLessThan(600_000_000_000L);
      }
      readInOrder(reader, 0);
    }
    assertThat(memory.closed).isEqualTo(CONTENT.length);
  }

  /** Also of what others have read or given up in the meantime. */
  @Test
  void manyThreadsReadTheSameRightly() throws Exception {
    for (int round = 0; round < 20; round++) {
      int seed = round;
      try (VerifiedReader reader = verifier.open(new Unclosed(), DIGEST, CONTENT.length, "it");
          ExecutorService threads = Executors.newFixedThreadPool(6)) {
        Callable<@Nullable Void> task =
            () -> {
              Random random = new Random(seed);
              for (int at = 0; at < CONTENT.length; at += REQUEST) {
                readEqual(reader, random.nextInt(4) == 0 ? at / 2 : at, 3 * REQUEST);
              }
              return null;
            };
        for (Future<?> each :
            threads.invokeAll(IntStream.range(0, 6).mapToObj(i -> task).toList())) {
          each.get();
        }
      }
      assertThat(memory.closed).isEqualTo(memory.lent);
    }
    assertThat(memory.discarded).isPositive();
  }

  private static final class Unclosed extends MemoryObject {
    Unclosed() {
      super(CONTENT);
    }

    @Override
    public void close() {
      // each round reads it anew
    }
  }
}
