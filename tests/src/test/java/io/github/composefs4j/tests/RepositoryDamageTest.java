package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.testkit.SampleDamage;
import io.github.composefs4j.core.testkit.Vectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The damages of the sample repository: all that the reference finds is found, and what it does not
 * notice, or trusts, is as repository.md says.
 */
class RepositoryDamageTest {

  /** Findings of ours that the reference has not, by case: type and path. */
  private static final Map<String, Set<String>> MORE =
      Map.of(
          "delete-stream-link",
          Set.of(
              "stream-link-lost streams/oci-config-sha256:17445e340645b10f2a61d1a69f5f93f0579103b7ef0154a3d49688c945bd695f"),
          "ref-to-object",
          Set.of("ref-not-to-entry images/refs/direct"),
          "image-name-not-digest",
          Set.of("image-name-mismatch images/" + "1".repeat(64)),
          "stale-temporaries",
          Set.of(
              "stale-temporary objects/.tmp-object-abcdefghijkl",
              "stale-temporary .symlink-abcdefghijkl"),
          "truncate-stream",
          Set.of("stream-open-failed " + SampleDamage.LAYER_LINK),
          "flip-image-inode",
          Set.of("image-invalid " + SampleDamage.IMAGE_LINK),
          "flip-stream-body",
          Set.of("stream-read-failed " + SampleDamage.LAYER_LINK),
          "delete-stream-object",
          Set.of());

  /** What stops a collection: a damaged or missing root, or one whose object is not told. */
  private static final Set<String> STOPPING =
      Set.of(
          "flip-image-superblock",
          "flip-image-inode",
          "truncate-image",
          "delete-image-object",
          "flip-stream-magic",
          "flip-stream-body",
          "truncate-stream",
          "delete-stream-object",
          "meta-other-algorithm");

  /** What an open refuses. */
  private static final Map<String, Reason> REFUSED =
      Map.of(
          "meta-missing", Reason.OLD_FORMAT,
          "meta-garbage", Reason.INVALID_METADATA,
          "meta-version-2", Reason.UNSUPPORTED_VERSION,
          "meta-unknown-incompatible", Reason.INCOMPATIBLE_FEATURES);

  /** Objects that a collection removes besides the usual twelve. */
  private static final Map<String, Long> GARBAGE = Map.of("wrong-name-for-content", 13L);

  @TempDir Path directory;
  private Path path;

  static Stream<String> cases() {
    return Vectors.rows("repositories/damage.tsv").stream()
        .filter(row -> row.length > 3)
        .map(row -> row[0]);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isFoundAndHarmsNoCollection(String name) throws Exception {
    path = RepositorySamples.unpack("sha256-1", directory);
    SampleDamage.to(path, name);
    String[] row =
        Vectors.rows("repositories/damage.tsv").stream()
            .filter(each -> each[0].equals(name))
            .findFirst()
            .orElseThrow();
    if (REFUSED.containsKey(name)) {
      assertThatThrownBy(() -> RepositorySamples.open(path))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(REFUSED.get(name)));
      return;
    }
    try (Repository repository = RepositorySamples.open(path)) {
      FsckReport report = repository.check(FsckOptions.defaults());
      Set<String> found = keys(report.findings());
      Set<String> expected = new TreeSet<>();
      for (String each : row[3].split(" \\| ")) {
        if (!each.isEmpty()) {
          String[] parts = each.split(": ");
          expected.add(parts[1] + " " + parts[2]);
        }
      }
      Set<String> more = MORE.getOrDefault(name, Set.of());
      assertThat(found).containsAll(expected);
      Set<String> ours = new TreeSet<>(found);
      ours.removeAll(expected);
      if (name.equals("flip-stream-body") || name.equals("flip-image-inode")) {
        assertThat(more).containsAll(ours); // what a flip breaks besides is chance
      } else if (name.equals("meta-other-algorithm")) {
        assertThat(ours).allMatch(each -> each.startsWith("image-open-failed images/"));
      } else if (!name.equals("truncate-stream")) {
        assertThat(ours).isEqualTo(more);
      }
      collect(name, repository);
    }
  }

  private static Set<String> keys(List<Finding> findings) {
    return findings.stream()
        .map(finding -> finding.type().label() + " " + finding.path())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private void collect(String name, Repository repository) throws IOException {
    if (name.equals("meta-unknown-read-only-compatible")) {
      assertThatThrownBy(() -> repository.collect(RepositorySamples.GC))
          .hasMessageContaining("later");
      assertThat(repository.collect(RepositorySamples.GC.withDryRun(true)).objects()).isEqualTo(12);
      return;
    }
    List<String> before = RepositorySamples.files(path);
    GcResult result = repository.collect(RepositorySamples.GC);
    assertThat(result.stopped())
        .as(result.findings().toString())
        .isEqualTo(STOPPING.contains(name));
    if (result.stopped()) {
      assertThat(result.findings()).isNotEmpty();
      assertThat(RepositorySamples.files(path)).isEqualTo(before);
    } else {
      assertThat(result.objects()).isEqualTo(GARBAGE.getOrDefault(name, 12L));
      for (String ref : List.of("images/refs/tree/plain", "images/refs/boot")) {
        assertThat(Files.isSymbolicLink(path.resolve(ref))).isTrue();
      }
      assertThat(path.resolve(SampleDamage.LAYER)).exists();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isRepairedFromASecondStoreOrPutAside(String name) throws Exception {
    Path sound = RepositorySamples.unpack("sha256-1", directory);
    Path second = Files.move(sound, directory.resolve("sound"));
    path = RepositorySamples.unpack("sha256-1", directory);
    SampleDamage.to(path, name);
    if (REFUSED.containsKey(name) || name.startsWith("meta-")) {
      return;
    }
    try (Repository source = RepositorySamples.open(second);
        Repository repository = RepositorySamples.open(path)) {
      RepairReport report =
          repository.repair(FsckOptions.defaults(), source.objects(), Waiting.NONE);
      Set<String> left =
          report.after().findings().stream()
              .map(finding -> finding.type().label())
              .collect(Collectors.toCollection(TreeSet::new));
      Set<String> expected =
          switch (name) {
            case "dangling-image-ref", "dangling-stream-ref" -> Set.of("broken-symlink");
            case "image-name-not-digest" -> Set.of("image-name-mismatch");
            case "ref-to-object" -> Set.of("ref-not-to-entry");
            case "stale-temporaries" -> Set.of("stale-temporary");
            default -> Set.of();
          };
      assertThat(left).as(report.toString()).isEqualTo(expected);
      if (Set.of("bad-object-name", "wrong-name-for-content", "file-in-images", "file-in-refs")
          .contains(name)) {
        assertThat(report.quarantined()).hasSize(1);
        assertThat(path.resolve(report.quarantined().getFirst().to())).exists();
      } else {
        assertThat(path.resolve("quarantine")).doesNotExist();
      }
    }
  }

  @org.junit.jupiter.api.Test
  void metadataOnlyFindsADamagedBody() throws Exception {
    path = RepositorySamples.unpack("sha256-1", directory);
    SampleDamage.to(path, "flip-stream-body");
    try (Repository repository = RepositorySamples.open(path)) {
      FsckReport report = repository.check(FsckOptions.defaults().withMetadataOnly(true));
      assertThat(report.lines()).contains("objects: 0/0 ok");
      assertThat(keys(report.findings())).contains("object-digest-mismatch " + SampleDamage.LAYER);
    }
  }
}
