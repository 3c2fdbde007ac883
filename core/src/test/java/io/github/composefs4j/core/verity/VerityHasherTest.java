package io.github.composefs4j.core.verity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerityHasherTest {
  @Test
  void agreesWithTheSpecification() {
    assertSha256("3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95", new byte[0]);
    assertSha256(
        "1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64", ascii("hello world"));
    assertSha256(
        "37061ef2ac4c21bec68489b56138c5780306a4ad7fe6676236ecdf2c9027cd92", ascii("hello world\n"));
    assertSha256(
        "3fd7a78101899a79cd337b1b4e5414be8bcb376b133370156ef6e65026d930ed", repeat('A', 4096));
    assertSha256(
        "7319937c445f61df1a8f310eb4d6da157618d80713972a78d70a7528fc1a6f32", repeat('A', 4097));
    assertSha256(
        "2d15bd7832895de85aa3d5bdfb57251e27bbec75ff467408340ab3eba858a2e1", new byte[524288]);
    assertSha256(
        "2331d9bc1bfa1c8c1a2272b1bc04acca57ec879136c554d313b45b77b94f326e", new byte[528384]);
    byte[] million = new byte[1_000_000];
    for (int i = 0; i < million.length; i++) {
      million[i] = (byte) (i % 251);
    }
    assertSha256("dbe1b6c44240d0b0642a25e6c1d5e399381c87474f3dcda2f3acb9495fa159d6", million);
  }

  @Test
  void agreesWithTheSpecificationForSha512() {
    assertThat(VerityHasher.digest(HashAlgorithm.SHA512, new byte[0]).hex())
        .startsWith("ccf9e5aea1c2a64efa2f2354a6024b90dffde6bbc017825045dce374474e13d1");
    assertThat(VerityHasher.digest(HashAlgorithm.SHA512, ascii("hello world")).hex())
        .endsWith("ce5a0c51a6f570409");
    assertThat(VerityHasher.digest(HashAlgorithm.SHA512, new byte[528384]).hex())
        .isEqualTo(
            "d1fe5ad26fb35c96a4ead3f08ed7d0de20bb7d7f811f85c62a592bce5bf1fbbcb930c6f7dd44dcef"
                + "586c3bd68231adf5f1767283ea7b4f8b3001a57497f61515");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 1024, 4095, 4096, 5000, 65536})
  void piecesDoNotMatter(int piece) {
    byte[] bytes = new byte[700_001];
    new Random(piece).nextBytes(bytes);
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      for (int blockSize = 1024; blockSize <= 65536; blockSize *= 4) {
        VerityHasher whole = new VerityHasher(algorithm, blockSize);
        whole.update(bytes, 0, bytes.length);
        VerityHasher pieces = new VerityHasher(algorithm, blockSize);
        for (int at = 0; at < bytes.length; at += piece) {
          pieces.update(bytes, at, Math.min(piece, bytes.length - at));
        }
        assertThat(pieces.digest()).isEqualTo(whole.digest());
      }
    }
  }

  @Test
  void isReusable() {
    VerityHasher hasher = new VerityHasher(HashAlgorithm.SHA256);
    byte[] bytes = repeat('x', 1_000_000);
    hasher.update(bytes, 0, bytes.length);
    Digest first = hasher.digest();
    hasher.update(bytes, 0, 3);
    assertThat(hasher.digest()).isNotEqualTo(first);
    hasher.update(bytes, 0, bytes.length);
    assertThat(hasher.digest()).isEqualTo(first);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 512, 3000, 131072, -4096})
  void refusesOtherBlockSizes(int blockSize) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new VerityHasher(HashAlgorithm.SHA256, blockSize));
  }

  private static void assertSha256(String expected, byte[] bytes) {
    assertThat(VerityHasher.digest(HashAlgorithm.SHA256, bytes)).hasToString(expected);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] repeat(char c, int count) {
    byte[] bytes = new byte[count];
    Arrays.fill(bytes, (byte) c);
    return bytes;
  }
}
