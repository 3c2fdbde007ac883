package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.verity.Digest;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The sample repositories give what the reference says of them. */
class RepositorySamplesTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1", "sha256-2", "sha512-1"})
  void areClean(String name) throws Exception {
    try (Repository repository =
        RepositorySamples.open(RepositorySamples.unpack(name, directory))) {
      FsckReport report = repository.check(FsckOptions.defaults());
      assertThat(String.join("\n", report.lines()) + "\n")
          .isEqualTo(RepositorySamples.text(name + "/fsck.txt"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1", "sha256-2", "sha512-1"})
  void listTheSame(String name) throws Exception {
    try (Repository repository =
        RepositorySamples.open(RepositorySamples.unpack(name, directory))) {
      String json = RepositorySamples.text(name + "/images.json");
      assertThat(repository.refs(Category.IMAGES)).hasSize(2);
      repository
          .refs(Category.IMAGES)
          .forEach(ref ->
              assertThat(json.replaceAll("\\s", ""))
                  .contains(
                      "{\"name\":\"" + ref.name() + "\",\"digest\":\"" + ref.entry() + "\"}"));
      List<String> expected =
          RepositorySamples.text(name + "/image-objects.txt").lines().sorted().toList();
      String prefix = repository.algorithm().label() + ":";
      assertThat(
              repository.imageObjects("refs/tree/plain").stream()
                  .map(digest -> prefix + digest.hex())
                  .toList())
          .isEqualTo(expected);
      for (String stream : repository.entries(Category.STREAMS)) {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        repository.cat(stream, content);
        assertThat(stream)
            .endsWith("sha256:" + HexFormat.of().formatHex(sha256.digest(content.toByteArray())));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1", "sha256-2", "sha512-1"})
  void areCollectedToTheSame(String name) throws Exception {
    Path path = RepositorySamples.unpack(name, directory);
    try (Repository repository = RepositorySamples.open(path)) {
      GcResult dry = repository.collect(RepositorySamples.GC.withDryRun(true));
      assertThat("Dry run (no files deleted):\n" + text(dry))
          .isEqualTo(RepositorySamples.text(name + "/gc-dry-run.txt"));
      GcResult result = repository.collect(RepositorySamples.GC);
      assertThat(text(result)).isEqualTo(RepositorySamples.text(name + "/gc.txt"));
      assertThat(result.findings()).isEmpty();
      assertThat(String.join("\n", RepositorySamples.files(path)) + "\n")
          .isEqualTo(RepositorySamples.text(name + "/files-after-gc.txt"));
      assertThat(repository.collect(RepositorySamples.GC).objects()).isZero();
      assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
    }
  }

  static String text(GcResult result) {
    String text = "Objects: " + result.objects() + " removed (" + result.bytes() + " bytes)\n";
    return result.imageLinks() + result.streamLinks() == 0
        ? text
        : text
            + "Pruned symlinks: "
            + result.imageLinks()
            + " images, "
            + result.streamLinks()
            + " streams\n";
  }

  @ParameterizedTest
  @ValueSource(strings = {"sha256-1"})
  void keepWhatExtraRootsAndGraceProtect(String name) throws Exception {
    Path path = RepositorySamples.unpack(name, directory);
    try (Repository repository = RepositorySamples.open(path)) {
      List<String> before = RepositorySamples.files(path);
      GcResult graced =
          repository.collect(RepositorySamples.GC.withGrace(java.time.Duration.ofHours(1)));
      assertThat(graced.objects()).isZero();
      List<String> images = repository.entries(Category.IMAGES);
      GcResult kept = repository.collect(RepositorySamples.GC.withExtraRoots(images));
      assertThat(kept.imageLinks()).isZero();
      assertThat(repository.entries(Category.IMAGES)).isEqualTo(images);
      assertThat(before).containsAll(RepositorySamples.files(path));
      Digest plain = repository.resolveImage("refs/tree/plain");
      repository.removeRef(Category.IMAGES, "tree/plain");
      repository.collect(RepositorySamples.GC);
      assertThatThrownBy(() -> repository.openImage(plain.hex())).hasMessageContaining("not found");
    }
  }
}
