package io.github.composefs4j.core.verified;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.Tools;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Side-cars: what they save, and that nothing is trusted because it is in one. */
class MerkleTreesTest {
  /** Three levels: 129 blocks of leaves and a bit. */
  private static final int SIZE = 129 * 128 * 4096 + 5000;

  private static final byte[] CONTENT = content();

  private static final Digest DIGEST = VerityHasher.digest(HashAlgorithm.SHA256, CONTENT);

  @TempDir Path directory;

  private static byte[] content() {
    byte[] content = new byte[SIZE];
    new Random(9).nextBytes(content);
    return content;
  }

  private Path file() {
    return directory.resolve(new String(DIGEST.objectPath(), StandardCharsets.US_ASCII));
  }

  private Verifier verifier(boolean keeps) {
    return new Verifier(VerifyOptions.defaults().withSideCars(MerkleTrees.in(directory, keeps)));
  }

  private void keep() throws IOException {
    try (VerifiedReader reader = verifier(true).open(new MemoryObject(CONTENT), DIGEST, "it")) {
      assertThat(reader.read(0, new byte[1], 0, 1)).isEqualTo(1);
    }
  }

  @Test
  void areWhatFsverityWrites() throws Exception {
    Tools.require("fsverity");
    keep();
    Path content = Files.write(directory.resolve("content"), CONTENT);
    Path tree = directory.resolve("tree");
    Tools.run(List.of("fsverity", "digest", content.toString(), "--out-merkle-tree=" + tree));
    assertThat(file()).hasSameBinaryContentAs(tree);
    try (var all = Files.list(file().getParent())) {
      assertThat(all).containsExactly(file());
    }
  }

  @Test
  void saveReadingTheObject() throws IOException {
    keep();
    Verifier verifier = verifier(false);
    MemoryObject object = new MemoryObject(CONTENT);
    try (VerifiedReader reader = verifier.open(object, DIGEST, "it")) {
      byte[] into = new byte[100];
      assertThat(reader.read(SIZE - 50_000, into, 0, 100)).isEqualTo(100);
      assertThat(into).isEqualTo(Arrays.copyOfRange(CONTENT, SIZE - 50_000, SIZE - 49_900));
    }
    assertThat(object.read.get()).isLessThanOrEqualTo(8192);
    assertThat(verifier.statistics().treesLoaded()).isEqualTo(1);
    assertThat(verifier.statistics().treesBuilt()).isZero();
  }

  @Test
  void nameTheWrongBlockOfAnObjectNeverReadBefore() throws IOException {
    keep();
    byte[] bad = CONTENT.clone();
    bad[5000 * 4096] ^= 1;
    try (VerifiedReader reader = verifier(false).open(new MemoryObject(bad), DIGEST, "it")) {
      byte[] into = new byte[1 << 20];
      DigestMismatchException e =
          catchThrowableOfType(
              DigestMismatchException.class, () -> reader.read(4992L * 4096, into, 0, into.length));
      assertThat(e.block()).isEqualTo(5000);
      assertThat(reader.read(4999L * 4096, into, 0, 4096)).isEqualTo(4096);
    }
  }

  @Test
  void aDamagedOneIsComputedAgain() throws IOException {
    keep();
    byte[] tree = Files.readAllBytes(file());
    Seeds.forEach(
        12,
        random -> {
          byte[] bad = tree.clone();
          // The top, the level below it, leaves; or cut short, or empty.
          int at =
              switch (random.nextInt(5)) {
                case 0 -> random.nextInt(4096);
                case 1 -> 4096 + random.nextInt(2 * 4096);
                case 2 -> 3 * 4096 + random.nextInt(tree.length - 3 * 4096);
                case 3 -> -random.nextInt(tree.length);
                default -> -tree.length;
              };
          if (at > 0) {
            bad[at] ^= 1;
          } else {
            bad = Arrays.copyOf(bad, tree.length + at);
          }
          Files.write(file(), bad);
          Verifier verifier = verifier(false);
          try (VerifiedReader reader = verifier.open(new MemoryObject(CONTENT), DIGEST, "it")) {
            byte[] into = new byte[9000];
            for (int i = 0; i < 200; i++) {
              int position = random.nextInt(SIZE - into.length);
              assertThat(reader.read(position, into, 0, into.length)).isEqualTo(into.length);
              assertThat(Arrays.equals(into, 0, 9000, CONTENT, position, position + 9000)).isTrue();
            }
          }
          assertThat(verifier.statistics().failures()).isZero();
          assertThat(verifier.statistics().treesBuilt()).isLessThanOrEqualTo(1);
        });
  }

  @Test
  void oneOfOtherContentIsNotTaken() throws IOException {
    keep();
    byte[] other = CONTENT.clone();
    other[0] ^= 1;
    Verifier verifier = verifier(false);
    try (VerifiedReader reader = verifier.open(new MemoryObject(other), DIGEST, "it")) {
      catchThrowableOfType(DigestMismatchException.class, () -> reader.read(0, new byte[1], 0, 1));
      assertThat(reader.read(4096, new byte[1], 0, 1)).isEqualTo(1);
    }
    Digest otherDigest = VerityHasher.digest(HashAlgorithm.SHA256, other);
    Path place = directory.resolve(new String(otherDigest.objectPath(), StandardCharsets.US_ASCII));
    Files.createDirectories(place.getParent());
    Files.copy(file(), place);
    try (VerifiedReader reader = verifier.open(new MemoryObject(other), otherDigest, "other")) {
      assertThat(reader.read(0, new byte[1], 0, 1)).isEqualTo(1);
    }
    assertThat(verifier.statistics().treesBuilt()).isEqualTo(1);
  }

  @Test
  void whereNoneCanBeWrittenReadingGoesOn() throws IOException {
    Path blocked = Files.write(directory.resolve("file"), new byte[0]);
    Verifier verifier =
        new Verifier(VerifyOptions.defaults().withSideCars(MerkleTrees.in(blocked, true)));
    try (VerifiedReader reader = verifier.open(new MemoryObject(CONTENT), DIGEST, "it")) {
      assertThat(reader.read(0, new byte[1], 0, 1)).isEqualTo(1);
    }
  }
}
