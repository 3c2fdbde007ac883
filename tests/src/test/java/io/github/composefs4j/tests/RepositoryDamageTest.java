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
import io.github.composefs4j.core.testkit.Vectors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
  private static final String DATA =
      "objects/28/34b6ab5a3e35a2e05ee7daf1e3fff4fd2c715aa92da7ad76fb1d2def7100e3";
  private static final String IMAGE =
      "objects/ef/db90d29fc175c7f8bc92c2d0982d6c1b8e102a029b0ce9e7cf83f4c3bc089f";
  private static final String IMAGE_LINK =
      "images/efdb90d29fc175c7f8bc92c2d0982d6c1b8e102a029b0ce9e7cf83f4c3bc089f";
  private static final String LAYER_LINK =
      "streams/oci-layer-sha256:5646fe4af5fa07ef0e04f77162952784632e99aa1fef4bb4fa5f38940b26a944";
  private static final String LAYER =
      "objects/a0/0e4637960183655fc4c5ff29ca9ef29fc7cb84b1d12eedf21806702ba7fc50";

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
          Set.of("stream-open-failed " + LAYER_LINK),
          "flip-image-inode",
          Set.of("image-invalid " + IMAGE_LINK),
          "flip-stream-body",
          Set.of("stream-read-failed " + LAYER_LINK),
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
    damage(name);
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
      assertThat(path.resolve(LAYER)).exists();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isRepairedFromASecondStoreOrPutAside(String name) throws Exception {
    Path sound = RepositorySamples.unpack("sha256-1", directory);
    Path second = Files.move(sound, directory.resolve("sound"));
    path = RepositorySamples.unpack("sha256-1", directory);
    damage(name);
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

  private void damage(String name) throws IOException {
    switch (name) {
      case "flip-data-object" -> flip(DATA, 10);
      case "truncate-data-object" -> truncate(DATA, 20);
      case "grow-data-object" ->
          Files.writeString(path.resolve(DATA), "x", StandardOpenOption.APPEND);
      case "delete-data-object" -> Files.delete(path.resolve(DATA));
      case "empty-data-object" -> truncate(DATA, 0);
      case "flip-image-superblock" -> flip(IMAGE, 1024);
      case "flip-image-inode" -> flip(IMAGE, 1300);
      case "truncate-image" -> truncate(IMAGE, 4096);
      case "delete-image-object" -> Files.delete(path.resolve(IMAGE));
      case "flip-stream-magic" -> flip(LAYER, 0);
      case "flip-stream-body" -> flip(LAYER, Files.size(path.resolve(LAYER)) - 20);
      case "truncate-stream" -> truncate(LAYER, Files.size(path.resolve(LAYER)) / 2);
      case "delete-stream-object" -> Files.delete(path.resolve(LAYER));
      case "delete-stream-link" -> Files.delete(path.resolve(LAYER_LINK));
      case "dangling-image-ref" -> link("images/refs/gone", "../" + "0".repeat(64));
      case "dangling-stream-ref" -> link("streams/refs/gone", "../nothing");
      case "file-in-images" -> Files.writeString(path.resolve("images/README"), "x");
      case "file-in-refs" -> Files.writeString(path.resolve("images/refs/file"), "x");
      case "bad-object-name" -> {
        Files.createDirectories(path.resolve("objects/00"));
        Files.writeString(path.resolve("objects/00/notes.txt"), "x");
      }
      case "wrong-name-for-content" -> {
        Files.createDirectories(path.resolve("objects/ff"));
        Files.writeString(path.resolve("objects/ff/" + "e".repeat(62)), "x");
      }
      case "ref-to-object" -> link("images/refs/direct", "../../" + DATA);
      case "image-name-not-digest" ->
          Files.move(path.resolve(IMAGE_LINK), path.resolve("images/" + "1".repeat(64)));
      case "meta-missing" -> Files.delete(path.resolve("meta.json"));
      case "meta-garbage" -> Files.writeString(path.resolve("meta.json"), "{");
      case "meta-other-algorithm" -> meta("sha256-12", "sha512-12");
      case "meta-version-2" -> meta("\"version\": 1", "\"version\": 2");
      case "meta-unknown-incompatible" ->
          meta("\"incompatible\": []", "\"incompatible\": [\"later\"]");
      case "meta-unknown-read-only-compatible" -> meta("\"v1_erofs\"", "\"v1_erofs\", \"later\"");
      case "meta-unknown-compatible" -> meta("\"compatible\": []", "\"compatible\": [\"later\"]");
      case "meta-extra-member" ->
          meta("\"version\": 1", "\"future\": {\"a\": [1]}, \"version\": 1");
      case "stale-temporaries" -> {
        Files.writeString(path.resolve("objects/.tmp-object-abcdefghijkl"), "x");
        link(".symlink-abcdefghijkl", "nowhere");
      }
      case "empty-directories" -> {
        Files.createDirectories(path.resolve("objects/zz"));
        Files.createDirectories(path.resolve("images/refs/a/b/c"));
      }
      default -> throw new IllegalArgumentException(name);
    }
  }

  private void flip(String file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(path.resolve(file), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 1));
      channel.write(one.flip(), at);
    }
  }

  private void truncate(String file, long size) throws IOException {
    try (FileChannel channel = FileChannel.open(path.resolve(file), StandardOpenOption.WRITE)) {
      channel.truncate(size);
    }
  }

  private void link(String name, String target) throws IOException {
    Files.createSymbolicLink(path.resolve(name), Path.of(target));
  }

  private void meta(String from, String to) throws IOException {
    String text = Files.readString(path.resolve("meta.json"));
    assertThat(text).contains(from);
    Files.writeString(path.resolve("meta.json"), text.replace(from, to));
  }

  @org.junit.jupiter.api.Test
  void metadataOnlyFindsADamagedBody() throws Exception {
    path = RepositorySamples.unpack("sha256-1", directory);
    damage("flip-stream-body");
    try (Repository repository = RepositorySamples.open(path)) {
      FsckReport report = repository.check(FsckOptions.defaults().withMetadataOnly(true));
      assertThat(report.lines()).contains("objects: 0/0 ok");
      assertThat(keys(report.findings())).contains("object-digest-mismatch " + LAYER);
    }
  }
}
