package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a flight recorder hears of mounts. */
@Timeout(900)
class MountEventsTest {
  @Test
  void mountsAndWhatTheyServeAreRecorded(@TempDir Path scratch) throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    TreeSample sample = TreeSample.write(scratch, 10);
    Path target = Files.createDirectory(scratch.resolve("mnt"));
    Files.createDirectory(scratch.resolve("before"));
    AtomicReference<RecordedEvent> mounted = new AtomicReference<>();
    AtomicReference<RecordedEvent> statistics = new AtomicReference<>();
    CountDownLatch both = new CountDownLatch(2);
    String before = scratch.resolve("before").toRealPath().toString();
    CountDownLatch ofBefore = new CountDownLatch(1);
    ViewOptions options =
        ViewOptions.of(sample.image(), List.of(sample.objects())).with(MountMode.VERIFIED, null);
    // This one is there before anybody records.
    try (MountedView _ = Mounts.mount(options, Path.of(before));
        RecordingStream recorder = new RecordingStream()) {
      recorder.enable("io.github.composefs4j.Mount");
      recorder.enable("io.github.composefs4j.MountStatistics").withPeriod(Duration.ofMillis(200));
      recorder.onEvent(
          "io.github.composefs4j.Mount",
          event -> {
            mounted.set(event);
            both.countDown();
          });
      recorder.onEvent(
          "io.github.composefs4j.MountStatistics",
          event -> {
            if (event.getString("point").equals(before)) {
              ofBefore.countDown();
            } else if (event.getLong("bytes") > 0 && statistics.compareAndSet(null, event)) {
              both.countDown();
            }
          });
      recorder.startAsync();
      try (MountedView _ = Mounts.mount(options, target)) {
        assertThat(target.resolve("sizes/4097")).hasBinaryContent(TreeSample.content(4097));
        assertThat(both.await(600, TimeUnit.SECONDS)).isTrue();
        assertThat(ofBefore.await(600, TimeUnit.SECONDS)).isTrue();
      }
    }
    assertThat(mounted.get().getString("point")).isEqualTo(target.toRealPath().toString());
    assertThat(mounted.get().getString("mode")).isEqualTo("verified");
    assertThat(mounted.get().getString("verification")).isEqualTo("always");
    assertThat(mounted.get().getLong("nanos")).isPositive();
    assertThat(statistics.get().getString("point")).isEqualTo(target.toRealPath().toString());
    assertThat(statistics.get().getLong("bytes")).isGreaterThanOrEqualTo(4097);
    assertThat(statistics.get().getLong("requests")).isPositive();
    assertThat(statistics.get().getLong("failures")).isZero();
  }
}
