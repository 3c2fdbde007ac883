package io.github.composefs4j.core.verified;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerifiedReaderTest {
  private static final int MIB = 1 << 20;

  private static byte[] bytes(int size, long seed) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    if (size > 3 * 4096) {
      Arrays.fill(bytes, 4096, 2 * 4096 + 100, (byte) 0);
    }
    return bytes;
  }

  private static Digest digest(byte[] bytes) {
    return VerityHasher.digest(HashAlgorithm.SHA256, bytes);
  }

  private static Verifier verifier() {
    return new Verifier(VerifyOptions.defaults());
  }

  private static byte[] read(VerifiedReader reader, long position, int length) throws IOException {
    byte[] into = new byte[length + 20];
    int count = reader.read(position, into, 10, length);
    assertThat(into).startsWith(new byte[10]).endsWith(new byte[10]);
    return Arrays.copyOfRange(into, 10, 10 + count);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 64, 65, 4095, 4096, 4097, 8192, MIB - 1, MIB, MIB + 1, 9 * MIB + 4000})
  void readsWhatWasHashed(int size) throws IOException {
    byte[] content = bytes(size, size);
    Verifier verifier = verifier();
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      Digest digest = VerityHasher.digest(algorithm, content);
      try (VerifiedReader reader = verifier.open(new MemoryObject(content), digest, "it")) {
        for (int i = 0; i < 2; i++) {
          assertThat(read(reader, 0, size + 100)).isEqualTo(content);
          assertThat(read(reader, size, 1)).isEmpty();
          assertThat(read(reader, Long.MAX_VALUE, 1)).isEmpty();
        }
        assertThat(reader.size()).isEqualTo(size);
        assertThat(reader.readAll(size)).isEqualTo(content);
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        assertThat(reader.copyTo(Channels.newChannel(copy))).isEqualTo(size);
        assertThat(copy.toByteArray()).isEqualTo(content);
        reader.check();
      }
    }
    assertThat(verifier.statistics().failures()).isZero();
    assertThat(verifier.statistics().treesBuilt()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, MIB, 16 * MIB})
  void readsAnyRange(int copies) {
    byte[] content = bytes(3 * MIB + 777, 1);
    Digest digest = digest(content);
    // Room for a few blocks of leaves only.
    Verifier verifier = new Verifier(VerifyOptions.defaults().withMemory(1 << 14, copies));
    Seeds.forEach(
        300,
        random -> {
          try (VerifiedReader reader = verifier.open(new MemoryObject(content), digest, "it")) {
            int position = random.nextInt(content.length);
            int length = random.nextInt(random.nextBoolean() ? 10_000 : 2 * MIB);
            int end = Math.min(content.length, position + length);
            assertThat(read(reader, position, length))
                .isEqualTo(Arrays.copyOfRange(content, position, end));
          }
        });
  }

  @Test
  void aWrongBlockIsNamedAndItsNeighboursStayReadable() throws IOException {
    byte[] content = bytes(5 * MIB, 2);
    Verifier verifier = verifier();
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest(content), "object x")) {
      assertThat(read(reader, 0, content.length)).isEqualTo(content);
      byte[] damaged = content.clone();
      damaged[300 * 4096 + 17] ^= 4;
      object.bytes = damaged;
      byte[] good = Arrays.copyOfRange(content, 300 * 4096, 301 * 4096);
      byte[] bad = Arrays.copyOfRange(damaged, 300 * 4096, 301 * 4096);
      DigestMismatchException e =
          catchThrowableOfType(
              DigestMismatchException.class, () -> read(reader, 300 * 4096 + 4000, 50));
      assertThat(e.block()).isEqualTo(300);
      assertThat(e.subject()).isEqualTo("object x");
      assertThat(e.expected()).isEqualTo(hash(good));
      assertThat(e.actual()).isEqualTo(hash(bad));
      assertThat(read(reader, 299 * 4096, 4096))
          .isEqualTo(Arrays.copyOfRange(content, 299 * 4096, 300 * 4096));
      assertThat(read(reader, 301 * 4096, 1))
          .isEqualTo(Arrays.copyOfRange(content, 301 * 4096, 301 * 4096 + 1));
      byte[] into = new byte[content.length];
      Arrays.fill(into, (byte) 1);
      assertThatThrownBy(() -> reader.read(0, into, 0, into.length))
          .isInstanceOf(DigestMismatchException.class);
      assertThat(Arrays.copyOfRange(into, 300 * 4096, 301 * 4096)).isEqualTo(new byte[4096]);
      assertThatThrownBy(reader::check).isInstanceOf(DigestMismatchException.class);
      assertThat(verifier.statistics().failures()).isEqualTo(3);
      object.bytes = content;
      assertThat(read(reader, 0, content.length)).isEqualTo(content);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, 4097, 100_000, MIB})
  void aSmallObjectThatIsReadInOnePieceIsHashedOnce(int size) throws IOException {
    byte[] content = bytes(size, 8);
    Digest digest = digest(content);
    Verifier verifier = verifier();
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest, size, "it")) {
      assertThat(read(reader, 0, size + 100)).isEqualTo(content);
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(size);
    }
    byte[] bad = content.clone();
    bad[size - 1] ^= 1;
    object = new MemoryObject(bad);
    try (VerifiedReader reader = verifier.open(object, digest, size, "it")) {
      byte[] into = new byte[size];
      Arrays.fill(into, (byte) 1);
      assertThatThrownBy(() -> reader.read(0, into, 0, size))
          .isInstanceOf(DigestMismatchException.class);
      int last = (size - 1) / 4096 * 4096;
      assertThat(Arrays.copyOfRange(into, last, size)).isEqualTo(new byte[size - last]);
      if (last > 0) { // there are neighbours, and the tree was made when it was right
        assertThat(read(reader, 0, last)).isEqualTo(Arrays.copyOf(content, last));
      }
      assertThat(verifier.statistics().failures()).isEqualTo(1);
    }
  }

  @Test
  void privateCopiesAreNotHashedAgain() throws IOException {
    byte[] content = bytes(5 * MIB + 100, 6);
    Verifier verifier = new Verifier(VerifyOptions.defaults().withMemory(MIB, 16 * MIB));
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest(content), "it")) {
      assertThat(read(reader, 0, content.length)).isEqualTo(content);
      long hashed = verifier.statistics().bytesHashed();
      byte[] bad = content.clone();
      bad[10] ^= 1;
      object.bytes = bad;
      assertThat(read(reader, 0, content.length)).isEqualTo(content);
      assertThat(read(reader, 5, 7)).isEqualTo(Arrays.copyOfRange(content, 5, 12));
      assertThat(verifier.statistics().bytesHashed()).isEqualTo(hashed);
      assertThat(verifier.statistics().dataBytes()).isBetween(5L * MIB, 16L * MIB);
    }
  }

  @Test
  void aWrongBlockBesideAWantedOneIsNoFailure() throws IOException {
    byte[] content = bytes(5 * MIB, 7);
    Verifier verifier = new Verifier(VerifyOptions.defaults().withMemory(MIB, 16 * MIB));
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest(content), "it")) {
      reader.size();
      byte[] bad = content.clone();
      bad[10] ^= 1;
      object.bytes = bad;
      assertThat(read(reader, 4096, 7)).isEqualTo(Arrays.copyOfRange(content, 4096, 4103));
      assertThat(verifier.statistics().failures()).isZero();
      assertThatThrownBy(() -> read(reader, 4090, 7)).isInstanceOf(DigestMismatchException.class);
      assertThat(verifier.statistics().failures()).isEqualTo(1);
    }
  }

  private static String hash(byte[] block) {
    return java.util.HexFormat.of()
        .formatHex(HashAlgorithm.SHA256.newMessageDigest().digest(block));
  }

  @Test
  void refusesOtherContent() throws IOException {
    for (int size : new int[] {1, 5000, 2 * MIB}) {
      byte[] content = bytes(size, 3);
      Digest digest = digest(content);
      byte[] other = content.clone();
      other[size / 2] ^= 1;
      Verifier verifier = verifier();
      try (VerifiedReader reader = verifier.open(new MemoryObject(other), digest, "it")) {
        assertThatThrownBy(() -> read(reader, 0, 1))
            .isInstanceOf(DigestMismatchException.class)
            .hasMessageContaining(digest.hex());
        assertThatThrownBy(() -> reader.readAll(size)).isInstanceOf(DigestMismatchException.class);
        assertThatThrownBy(() -> reader.copyTo((_, _, _) -> {}))
            .isInstanceOf(DigestMismatchException.class);
      }
      assertThat(verifier.statistics().failures()).isEqualTo(3);
      assertThat(verifier.statistics().hashBytes()).isZero();
    }
  }

  @Test
  void refusesAnotherSize() throws IOException {
    byte[] content = bytes(2 * MIB, 4);
    Digest digest = digest(content);
    Verifier verifier = verifier();
    for (int size : new int[] {content.length - 1, content.length + 1, 0}) {
      byte[] other = Arrays.copyOf(content, size);
      MemoryObject object = new MemoryObject(other);
      assertThatThrownBy(() -> verifier.open(object, digest, content.length, "it"))
          .isInstanceOf(DigestMismatchException.class)
          .hasMessage("it: has " + size + " bytes instead of " + content.length);
      assertThat(object.closed).isTrue();
    }
    MemoryObject object = new MemoryObject(content);
    try (VerifiedReader reader = verifier.open(object, digest, "it")) {
      assertThat(read(reader, 0, 10)).hasSize(10);
      // Cut short under us: what is left is still right.
      object.bytes = Arrays.copyOf(content, MIB);
      assertThat(read(reader, 0, 10)).hasSize(10);
      assertThatThrownBy(() -> read(reader, MIB - 10, 20))
          .isInstanceOf(DigestMismatchException.class)
          .hasMessageContaining("bytes instead of " + content.length);
      // Grown: nobody sees what was added.
      object.bytes = Arrays.copyOf(content, content.length + 10);
      assertThat(read(reader, content.length - 1, 20)).hasSize(1);
    }
    try (VerifiedReader reader = verifier.open(object, digest, "it")) {
      assertThatThrownBy(() -> read(reader, 0, 10)).isInstanceOf(DigestMismatchException.class);
    }
  }

  @Test
  void theKernelsCheckIsUsed() throws IOException {
    byte[] content = bytes(2 * MIB, 5);
    MemoryObject object = new MemoryObject(content);
    object.kernel = digest(content);
    Verifier verifier = verifier();
    try (VerifiedReader reader = verifier.open(object, digest(content), "it")) {
      assertThat(reader.isKernelVerified()).isTrue();
      assertThat(read(reader, 100, 10)).isEqualTo(Arrays.copyOfRange(content, 100, 110));
      assertThat(object.read).hasValue(10);
      assertThat(reader.size()).isEqualTo(content.length);
    }
    MemoryObject other = new MemoryObject(content);
    other.kernel = digest(new byte[1]);
    try (VerifiedReader reader = verifier.open(other, digest(content), "it")) {
      assertThat(reader.isKernelVerified()).isFalse();
      read(reader, 100, 10);
      assertThat(other.read.get()).isGreaterThanOrEqualTo(content.length);
    }
  }
}
