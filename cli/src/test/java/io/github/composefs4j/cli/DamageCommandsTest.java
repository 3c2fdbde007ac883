package io.github.composefs4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.composefs4j.cli.Commanding.Result;
import io.github.composefs4j.core.testkit.SampleDamage;
import io.github.composefs4j.core.testkit.Vectors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the commands say of the damages of the sample repository: what cfsctl said, but where ours
 * differ on purpose (repository.md, section 15).
 */
class DamageCommandsTest {
  /**
   * Ours find more, or the true fault; the flips and cuts break more than the reference notices.
   */
  private static final Set<String> MORE_FINDINGS =
      Set.of(
          "flip-image-inode",
          "flip-stream-body",
          "truncate-stream",
          "delete-stream-link",
          "ref-to-object",
          "image-name-not-digest",
          "stale-temporaries",
          "meta-other-algorithm");

  /** An image or stream that lacks an object counts as corrupted. */
  private static final Map<String, List<String>> OTHER_COUNTS =
      Map.of(
          "delete-data-object", List.of("images: 8/8 ok", "images: 6/8 ok"),
          "delete-stream-object", List.of("streams: 10/11 ok", "streams: 8/11 ok"));

  /** Findings that end in words of whoever found them. */
  private static final String IN_OWN_WORDS =
      "(fsck: (?:image-invalid|image-open-failed|stream-open-failed|object-invalid-name): [^ :]+"
          + "(?::[^ :]+)?): .*";

  /** cfsctl removes the files of a layer whose entry was lost (15, number 1). */
  private static final String LOST_LAYER = "delete-stream-link";

  /** cfsctl gives up at what does not hide anything. */
  private static final Set<String> COLLECTED_ALL_THE_SAME =
      Set.of(
          "dangling-image-ref",
          "dangling-stream-ref",
          "file-in-images",
          "file-in-refs",
          "bad-object-name",
          "ref-to-object",
          "image-name-not-digest");

  /** cfsctl trusts a root that is damaged, or writes to what it does not know. */
  private static final Set<String> NOT_COLLECTED =
      Set.of(
          "flip-image-inode",
          "flip-stream-body",
          "truncate-stream",
          "meta-unknown-read-only-compatible");

  @TempDir static Path recordings;
  @TempDir Path directory;
  private String repo = "";

  @BeforeAll
  static void unpack() throws Exception {
    Path archive = recordings.resolve("damage.tar.xz");
    Files.write(archive, Vectors.bytes("repositories/damage.tar.xz"));
    Commanding.program("tar", "-xf", archive.toString(), "-C", recordings.toString());
  }

  static Stream<String> cases() {
    return Vectors.rows("repositories/damage.tsv").stream()
        .filter(row -> row.length > 2)
        .map(row -> row[0]);
  }

  private Result cfsctl(String... args) {
    List<String> all = new ArrayList<>(List.of("--repo", repo, "--no-upgrade"));
    all.addAll(List.of(args));
    return Commanding.run("cfsctl", all.toArray(String[]::new));
  }

  /** Findings come in the order of a directory there, sorted here. */
  private static List<String> sorted(String text) {
    return text.lines().map(DamageCommandsTest::withoutWords).sorted().toList();
  }

  private static String withoutWords(String finding) {
    return finding.replaceAll(IN_OWN_WORDS, "$1");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void areToldAsRecorded(String name) throws Exception {
    Path path = Commanding.sample("sha256-1", directory);
    repo = path.toString();
    SampleDamage.to(path, name);
    JsonObject recorded =
        JsonParser.parseString(Files.readString(recordings.resolve("damage/" + name + ".json")))
            .getAsJsonObject();
    checks(name, recorded);
    collects(name, recorded);
  }

  private void checks(String name, JsonObject recorded) {
    JsonObject theirs = recorded.getAsJsonObject("fsck");
    Result ours = cfsctl("fsck");
    Result json = cfsctl("fsck", "--json");
    String text = theirs.get("stdout").getAsString();
    if (MORE_FINDINGS.contains(name)) {
      assertThat(ours.status()).isEqualTo(1);
      assertThat(sorted(ours.out()))
          .containsAll(sorted(text).stream().filter(line -> line.startsWith("  - ")).toList());
    } else if (OTHER_COUNTS.containsKey(name)) {
      assertThat(ours.status()).isEqualTo(1);
      List<String> counts = OTHER_COUNTS.get(name);
      assertThat(sorted(ours.out())).isEqualTo(sorted(text.replace(counts.get(0), counts.get(1))));
    } else {
      assertThat(sorted(ours.out())).isEqualTo(sorted(text));
      assertThat(ours.status()).isEqualTo(theirs.get("exit").getAsInt());
      assertSame(json.out(), recorded.get("fsck_json").getAsString());
    }
    assertThat(json.status()).isEqualTo(ours.status());
    assertOneLine(ours);
  }

  private static void assertSame(String ours, String theirs) {
    if (theirs.isEmpty()) {
      assertThat(ours).isEmpty();
      return;
    }
    JsonObject one = JsonParser.parseString(ours).getAsJsonObject();
    JsonObject other = JsonParser.parseString(theirs).getAsJsonObject();
    assertThat(strings(one.remove("errors").getAsJsonArray()))
        .isEqualTo(strings(other.remove("errors").getAsJsonArray()));
    assertThat(one).isEqualTo(other);
  }

  private static List<String> strings(JsonArray array) {
    List<String> all = new ArrayList<>();
    array.forEach(each -> all.add(withoutWords(each.getAsString())));
    all.sort(null);
    return all;
  }

  private static void assertOneLine(Result result) {
    assertThat(result.err()).hasLineCount(result.status() == 0 ? 0 : 1);
  }

  private void collects(String name, JsonObject recorded) {
    JsonObject dry = recorded.getAsJsonObject("gc_dry_run");
    JsonObject real = recorded.getAsJsonObject("gc");
    Result ourDry = cfsctl("gc", "-n");
    Result ours = cfsctl("gc");
    if (NOT_COLLECTED.contains(name)) {
      assertThat(ours.status()).isEqualTo(1);
      assertThat(ours.out()).doesNotContain("Objects: 12");
      assertThat(ours.err()).isNotEmpty();
    } else if (COLLECTED_ALL_THE_SAME.contains(name) || name.equals(LOST_LAYER)) {
      assertThat(real.get("exit").getAsInt()).isEqualTo(name.equals(LOST_LAYER) ? 0 : 1);
      assertThat(ours.status()).isZero();
      assertThat(ours.out()).startsWith("Objects: 12 removed (20056 bytes)\n");
      assertThat(ourDry.out()).contains("Objects: 12 removed (20056 bytes)\n");
    } else {
      assertThat(ourDry.status()).isEqualTo(dry.get("exit").getAsInt());
      assertThat(ours.status()).isEqualTo(real.get("exit").getAsInt());
      if (ours.status() == 0) {
        assertThat(ourDry.out()).isEqualTo(dry.get("stdout").getAsString());
        assertThat(ours.out()).isEqualTo(real.get("stdout").getAsString());
      }
    }
  }
}
