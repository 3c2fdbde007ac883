package io.github.composefs4j.core.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of meta.json (repository.md, section 3). */
class MetadataTest {
  private static final String DEFAULT =
      """
      {
        "version": 1,
        "algorithm": "fsverity-sha512-12",
        "features": {
          "compatible": [],
          "read-only-compatible": [
            "v1_erofs"
          ],
          "incompatible": []
        },
        "erofs_formats": {
          "default": 1
        }
      }
      """;

  private static Metadata parse(String json) throws RepositoryException {
    return Metadata.parse(json.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void writesTheCanonicalBytes() throws RepositoryException {
    byte[] bytes = Metadata.of(RepositoryConfig.DEFAULT).bytes();
    assertThat(new String(bytes, StandardCharsets.UTF_8)).isEqualTo(DEFAULT);
    assertThat(parse(DEFAULT).config()).isEqualTo(RepositoryConfig.DEFAULT);
    RepositoryConfig several =
        new RepositoryConfig(
            HashAlgorithm.SHA256,
            FormatVersion.V2,
            Set.of(FormatVersion.V1, FormatVersion.V0, FormatVersion.V2));
    byte[] many = Metadata.of(several).bytes();
    assertThat(new String(many, StandardCharsets.UTF_8))
        .contains("\"read-only-compatible\": [],")
        .contains("\"default\": 2,\n    \"extra\": [\n      0,\n      1\n    ]\n  }\n}\n");
    assertThat(Metadata.parse(many).config()).isEqualTo(several);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":0,\"algorithm\":\"fsverity-sha256-12\",\"erofs_version\":1,\"features\":[]}",
        "{\"x\":{\"a\":[1e9,null]},\"x\":2,\"version\":1,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"y\":\"\\ud800\"} \n",
        "[1,\"fsverity-sha256-12\",[[],[],[]],[2]]",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"erofs_formats\":{\"default\":2,\"extra\":[2,2]}}"
      })
  void toleratesWhatTheReferenceDoes(String json) throws RepositoryException {
    assertThat(parse(json).config())
        .isEqualTo(RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V2));
  }

  @Test
  void anExplicitLegacyFormatWithTheFlagIsFormatOne() throws RepositoryException {
    assertThat(parse(DEFAULT.replace("\"default\": 1", "\"default\": 2")).config().format())
        .isEqualTo(FormatVersion.V1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "\ufeff{\"version\":1,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\"} x",
        "{\"version\":1,\"version\":1,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":null,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":1.0,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":1e0,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":\"1\",\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":-1,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":4294967296,\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"algorithm\":\"fsverity-sha256-12\"}",
        "{\"version\":1}",
        "{\"version\":1,\"algorithm\":\"fsverity-SHA256-12\"}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-012\"}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-13\"}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"features\":null}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"features\":{\"compatible\":[1]}}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"erofs_formats\":{}}",
        "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\",\"erofs_formats\":{\"default\":3}}",
        "{'version':1,\"algorithm\":\"fsverity-sha256-12\"}",
        "[1,\"fsverity-sha256-12\",[[],[],[]],[2],7]"
      })
  void refusesTheRest(String json) {
    assertThatThrownBy(() -> parse(json))
        .isInstanceOfSatisfying(
            RepositoryException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(Reason.INVALID_METADATA);
              assertThat(e.getMessage()).startsWith("meta.json: ").hasLineCount(1);
            });
  }

  @Test
  void aSetOfDigestsIsASet() {
    Random random = new Random(7);
    DigestSet compact = new DigestSet();
    Set<Digest> plain = new HashSet<>();
    byte[] bytes = new byte[32];
    for (int i = 0; i < 200_000; i++) {
      random.nextBytes(bytes);
      bytes[0] = (byte) random.nextInt(3);
      bytes[8] = (byte) (bytes[8] & 1);
      Digest digest = Digest.of(bytes);
      assertThat(compact.add(digest)).isEqualTo(plain.add(digest));
    }
    assertThat(compact.size()).isEqualTo(plain.size());
    assertThat(plain).allMatch(compact::contains);
    random.nextBytes(bytes);
    assertThat(compact.contains(Digest.of(bytes))).isFalse();
  }
}
