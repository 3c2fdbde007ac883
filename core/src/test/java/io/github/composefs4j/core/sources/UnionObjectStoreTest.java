package io.github.composefs4j.core.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.StorePolicy;
import io.github.composefs4j.core.sources.UnionObjectStore.Member;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.UnreliableStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class UnionObjectStoreTest {
  private static final Duration TIMEOUT = Duration.ofMillis(300);
  private static final Duration RETRY = Duration.ofSeconds(30);

  private final AtomicLong clock = new AtomicLong();
  private final MemoryObjectStore near = new MemoryObjectStore(HashAlgorithm.SHA256);
  private final MemoryObjectStore far = new MemoryObjectStore(HashAlgorithm.SHA256);
  private final UnreliableStore unreliable = new UnreliableStore(near);
  private final Digest both = put("in both", near, far);
  private final Digest farOnly = put("in the far one only", far);
  private final Digest nearOnly = put("in the near one only", near);

  private static Digest put(String text, MemoryObjectStore... stores) {
    Digest digest = null;
    for (MemoryObjectStore store : stores) {
      digest = store.put(text.getBytes(StandardCharsets.UTF_8));
    }
    return digest;
  }

  private UnionObjectStore union(UnionOptions options) {
    return new UnionObjectStore(
        List.of(new Member("near", unreliable, true), new Member("far", far, false)),
        options.withTimes(TIMEOUT, RETRY).withClock(clock::get));
  }

  private UnionObjectStore union() {
    return union(UnionOptions.defaults());
  }

  private static String read(ObjectStore store, Digest digest) throws IOException {
    try (ObjectReader reader = store.open(digest)) {
      byte[] content = new byte[(int) reader.size()];
      assertThat(reader.read(0, content, 0, content.length)).isEqualTo(content.length);
      return new String(content, StandardCharsets.UTF_8);
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(5);
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  private static long millis(long start) {
    return Duration.ofNanos(System.nanoTime() - start).toMillis();
  }

  @Test
  void asksInOrderAndCounts() throws Exception {
    try (UnionObjectStore union = union()) {
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(read(union, farOnly)).isEqualTo("in the far one only");
      SourceStatus first = union.status().get(0);
      SourceStatus second = union.status().get(1);
      assertThat(first.hits()).isEqualTo(1);
      assertThat(first.misses()).isEqualTo(1);
      assertThat(first.bytes()).isGreaterThanOrEqualTo(7);
      assertThat(second.hits()).isEqualTo(1);
      assertThat(second.misses()).isZero();
      await(() -> unreliable.open() == 0);
    }
  }

  @Test
  void passesOverWhatIsDamagedOrFails() throws Exception {
    try (UnionObjectStore union = union()) {
      unreliable.damage(both::equals);
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(read(union, nearOnly)).isEqualTo("in the near one only");
      assertThat(union.status().get(0).corrupt()).isEqualTo(1);
      unreliable.fail("Input/output error");
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(union.status().get(0).failures()).isEqualTo(1);
      assertThatThrownBy(() -> union.open(nearOnly))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("Input/output error")
          .hasMessageContaining("far: missing");
    }
  }

  @Test
  void tellsDamagedFromMissing() throws Exception {
    try (UnionObjectStore union = union()) {
      unreliable.damage(nearOnly::equals);
      assertThatThrownBy(() -> read(union, nearOnly)).isInstanceOf(DigestMismatchException.class);
      Digest missing = put("nowhere", new MemoryObjectStore(HashAlgorithm.SHA256));
      assertThatThrownBy(() -> union.open(missing))
          .isInstanceOf(MissingObjectException.class)
          .hasMessageContaining("near, far");
    }
  }

  @Test
  void aStalledStoreCostsOneTimeoutForAllThreads() throws Exception {
    try (UnionObjectStore union = union();
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      unreliable.stall(false);
      long start = System.nanoTime();
      List<Future<?>> reads = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        reads.add(
            threads.submit(() -> {
              for (int k = 0; k < 50; k++) {
                assertThat(read(union, both)).isEqualTo("in both");
              }
              return null;
            }));
      }
      for (Future<?> read : reads) {
        read.get();
      }
      assertThat(millis(start)).isGreaterThanOrEqualTo(TIMEOUT.toMillis() - 5);
      assertThat(unreliable.calls()).as("one for each thread").isLessThanOrEqualTo(8);
      assertThat(union.status().get(0).trouble()).contains("no answer within 300 ms");
      assertThat(unreliable.inside()).isLessThanOrEqualTo(8);
      assertThatThrownBy(() -> union.open(nearOnly))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("no answer within");
      unreliable.resume();
      await(() -> unreliable.inside() == 0 && unreliable.open() == 0);
    }
  }

  @Test
  void oneThatReturnsIsUsedAgain() throws Exception {
    try (UnionObjectStore union = union()) {
      unreliable.stall(true);
      assertThat(read(union, both)).isEqualTo("in both");
      await(() -> unreliable.inside() == 0);
      unreliable.resume();
      int calls = unreliable.calls();
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(unreliable.calls()).as("not before a trial is due").isEqualTo(calls);
      clock.addAndGet(RETRY.toNanos());
      assertThat(read(union, nearOnly)).isEqualTo("in the near one only");
      assertThat(union.status().get(0).trouble()).isNull();
    }
  }

  @Test
  void aTrialInVainDelaysNobodyAndIsRepeatedWithin30Seconds() throws Exception {
    try (UnionObjectStore union = union()) {
      unreliable.stall(true);
      assertThat(read(union, both)).isEqualTo("in both");
      long fastest = Long.MAX_VALUE;
      for (int i = 0; i < 10; i++) {
        clock.addAndGet(RETRY.toNanos());
        int calls = unreliable.calls();
        long start = System.nanoTime();
        assertThat(read(union, both)).isEqualTo("in both");
        fastest = Math.min(fastest, millis(start)); // any one may wait for a busy machine
        if (i < 3) {
          await(() -> unreliable.calls() > calls);
        }
      }
      assertThat(fastest).isLessThan(TIMEOUT.toMillis());
      assertThat(unreliable.inside()).as("trials at once are bounded").isLessThanOrEqualTo(4);
      unreliable.resume();
      await(() -> union.status().get(0).trouble() == null);
    }
  }

  @Test
  void aCallThatComesBackLateEndsTheTrouble() throws Exception {
    try (UnionObjectStore union = union()) {
      unreliable.stall(false);
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(union.status().get(0).trouble()).isNotNull();
      Thread.sleep(TIMEOUT.toMillis());
      unreliable.resume();
      await(() -> union.status().get(0).trouble() == null);
      await(() -> unreliable.open() == 0);
      assertThat(read(union, nearOnly)).isEqualTo("in the near one only");
    }
  }

  @Test
  void aReadGoesOnElsewhereInTheMiddleOfAnObject() throws Exception {
    byte[] content = new byte[5_000_000];
    new java.util.Random(1).nextBytes(content);
    Digest large = near.put(content);
    far.put(content);
    try (UnionObjectStore union = union();
        ObjectReader reader = union.open(large)) {
      byte[] half = new byte[content.length / 2];
      assertThat(reader.read(0, half, 0, half.length)).isEqualTo(half.length);
      unreliable.stallReadsAt(4_000_000);
      byte[] rest = new byte[content.length - half.length];
      assertThat(reader.read(half.length, rest, 0, rest.length)).isEqualTo(rest.length);
      assertThat(half).isEqualTo(java.util.Arrays.copyOf(content, half.length));
      assertThat(rest)
          .isEqualTo(java.util.Arrays.copyOfRange(content, half.length, content.length));
      unreliable.resume();
    }
  }

  @Test
  void presenceIsAskedInBulkAndOfWhoAnswers() throws Exception {
    try (UnionObjectStore union = union()) {
      Digest missing = put("nowhere", new MemoryObjectStore(HashAlgorithm.SHA256));
      int calls = unreliable.calls();
      assertThat(union.present(List.of(farOnly, missing, nearOnly, both))).hasToString("{0, 2, 3}");
      assertThat(unreliable.calls()).isEqualTo(calls + 1);
      unreliable.stall(true);
      assertThat(union.present(List.of(farOnly, missing, nearOnly, both))).hasToString("{0, 3}");
      assertThat(union.directories()).isEmpty();
    }
    try (UnionObjectStore alone =
        new UnionObjectStore(
            List.of(new Member("near", unreliable, true)),
            UnionOptions.defaults().withTimes(TIMEOUT, RETRY))) {
      assertThatThrownBy(() -> alone.present(List.of(both)))
          .isInstanceOf(StoreUnavailableException.class);
    }
  }

  @Test
  void promotionCompletesAndHealsTheFirstStore(@TempDir Path directory) throws Exception {
    LocalObjectStore local =
        LocalObjectStore.open(
            Platform.portable(),
            directory,
            HashAlgorithm.SHA256,
            new StorePolicy(false, true, StorePolicy.Transfer.COPY));
    Path bad = directory.resolve(new String(both.objectPath(), StandardCharsets.US_ASCII));
    Files.createDirectories(bad.getParent());
    Files.writeString(bad, "in bath");
    try (UnionObjectStore union =
        new UnionObjectStore(
            List.of(
                new Member("local", local, false),
                new Member("near", unreliable, true),
                new Member("far", far, false)),
            UnionOptions.defaults().withPromotion(local).withTimes(TIMEOUT, RETRY))) {
      unreliable.damage(both::equals);
      assertThat(read(union, both)).isEqualTo("in both");
      assertThat(read(union, nearOnly)).isEqualTo("in the near one only");
      assertThat(read(union, nearOnly)).isEqualTo("in the near one only");
      assertThat(bad).hasContent("in both");
      assertThat(local.contains(nearOnly, 20)).isTrue();
      assertThat(union.status().get(0).corrupt()).isEqualTo(1);
      assertThat(union.status().get(0).hits()).isEqualTo(1);
      assertThat(union.status().get(1).corrupt()).isEqualTo(1);
      assertThat(union.status().get(1).promoted()).isEqualTo(1);
      assertThat(union.status().get(2).promoted()).isEqualTo(1);
    }
    try (var files = Files.walk(directory)) {
      assertThat(files.filter(Files::isRegularFile)).hasSize(2);
    }
  }

  @Test
  void storesOfDifferentAlgorithmsDoNotMix() {
    assertThatThrownBy(() ->
            new UnionObjectStore(
                List.of(
                    new Member("near", near, false),
                    new Member("other", new MemoryObjectStore(HashAlgorithm.SHA512), false)),
                UnionOptions.defaults()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("other");
  }
}
