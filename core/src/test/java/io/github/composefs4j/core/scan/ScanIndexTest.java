package io.github.composefs4j.core.scan;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.FaultyPlatform;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScanIndexTest {
  private static final long NOW = 1_700_000_000_000L;
  private static final HashAlgorithm ALGORITHM = HashAlgorithm.SHA256;

  @TempDir Path directory;

  private final AtomicLong clock = new AtomicLong(NOW);

  private static Digest digest(int i) {
    return VerityHasher.digest(ALGORITHM, new byte[] {(byte) i, (byte) (i >> 8)});
  }

  /** A file that was changed so long before {@link #NOW}. */
  private static HostStat stat(long inode, long ageMillis) {
    long millis = NOW - ageMillis;
    int nanos = (int) (millis % 1000) * 1_000_000 + 123;
    return new HostStat(
        0100644, 1, 0, 0, 0, 100, millis / 1000, nanos, millis / 1000, nanos, 7, inode);
  }

  private ScanIndex load() {
    return load(100);
  }

  private ScanIndex load(int most) {
    return ScanIndex.load(
        directory.resolve("cache"),
        ALGORITHM,
        () -> java.time.Instant.ofEpochMilli(clock.get()),
        most);
  }

  private void saved(int... inodes) throws Exception {
    ScanIndex index = load();
    for (int inode : inodes) {
      index.add(stat(inode, 60_000), digest(inode), index.now());
    }
    index.save();
  }

  private Path file() {
    return directory.resolve("cache/scan-sha256");
  }

  @Test
  void findsWhatItLearned() throws Exception {
    saved(1, 2, 3);
    ScanIndex index = load();
    assertThat(index.find(stat(2, 60_000))).isEqualTo(digest(2));
    assertThat(index.find(stat(4, 60_000))).isNull();
    assertThat(index.find(stat(2, 60_001))).as("other times").isNull();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
        .isEqualTo("rw-------");
    try (Stream<Path> files = Files.list(file().getParent())) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void findsInAnyOrderAndByDevice() throws Exception {
    Random random = new Random(1);
    Map<Long, Digest> expected = new HashMap<>();
    ScanIndex index = load(1_000);
    for (int i = 0; i < 500; i++) {
      long inode = i % 5 == 0 ? random.nextLong() : random.nextInt(1_000);
      index.add(on(inode & 3, inode), digest(i), index.now());
      expected.put(inode, digest(i));
    }
    index.save();
    index = load(1_000);
    List<Long> inodes = new ArrayList<>(expected.keySet());
    for (int round = 0; round < 4; round++) {
      for (long inode : inodes) {
        assertThat(index.find(on(inode & 3, inode))).isEqualTo(expected.get(inode));
        assertThat(index.find(on(4, inode))).as("another device").isNull();
        assertThat(index.find(on(inode & 3, inode + 4)) != null)
            .isEqualTo(expected.containsKey(inode + 4));
      }
      Collections.shuffle(inodes, random);
    }
  }

  private static HostStat on(long device, long inode) {
    HostStat stat = stat(inode, 60_000);
    long seconds = stat.mtimeSeconds();
    return new HostStat(0100644, 1, 0, 0, 0, 100, seconds, 5, seconds, 6, device, inode);
  }

  @Test
  void theLatestAnswerOfAnInodeCounts() throws Exception {
    saved(1);
    ScanIndex index = load();
    index.add(stat(1, 50_000), digest(9), index.now());
    index.save();
    assertThat(load().find(stat(1, 50_000))).isEqualTo(digest(9));
    assertThat(load().find(stat(1, 60_000))).isNull();
  }

  @Test
  void doesNotLearnWhatChangedJustNow() throws Exception {
    ScanIndex index = load();
    index.add(stat(1, 1_999), digest(1), index.now());
    index.add(stat(2, 0), digest(2), index.now());
    index.add(stat(3, -5_000), digest(3), index.now());
    index.add(stat(4, 2_001), digest(4), index.now());
    index.save();
    index = load();
    for (int i : new int[] {1, 2, 3}) {
      assertThat(index.find(stat(i, new int[] {0, 1_999, 0, -5_000}[i]))).isNull();
    }
    assertThat(index.find(stat(4, 2_001))).isEqualTo(digest(4));
    assertThat(Files.size(file())).as("one entry").isEqualTo(32 + 7 * 8 + 32);
  }

  private static HostStat ofWholeSecond(long device, long inode) {
    long seconds = stat(inode, 60_000).ctimeSeconds();
    return new HostStat(0100644, 1, 0, 0, 0, 100, seconds, 5, seconds, 0, device, inode);
  }

  @Test
  void wholeSecondsAreLearnedWhereOtherFilesHaveFractions() throws Exception {
    ScanIndex index = load();
    index.add(ofWholeSecond(7, 1), digest(1), index.now());
    index.add(ofWholeSecond(8, 2), digest(2), index.now());
    index.add(stat(3, 0), digest(3), index.now()); // too new to be noted, but fine, on device 7
    index.save();
    index = load();
    assertThat(index.find(ofWholeSecond(7, 1))).isEqualTo(digest(1));
    assertThat(index.find(ofWholeSecond(8, 2))).as("perhaps a coarse clock").isNull();
    index.add(ofWholeSecond(8, 2), digest(2), index.now());
    assertThat(index.find(on(8, 4))).as("fine, and not known").isNull();
    index.save();
    assertThat(load().find(ofWholeSecond(8, 2))).isEqualTo(digest(2));
  }

  @Test
  void aClockThatWentBackForgetsAll() throws Exception {
    saved(1);
    clock.addAndGet(-1);
    assertThat(load().find(stat(1, 60_000))).isNull();
    clock.addAndGet(Duration.ofDays(1).toMillis());
    assertThat(load().find(stat(1, 60_000))).isEqualTo(digest(1));
  }

  @Test
  void nothingIsMadeOfADamagedFile() throws Exception {
    saved(1, 2);
    byte[] sound = Files.readAllBytes(file());
    for (int i = 0; i < sound.length; i++) {
      // A time of writing that is earlier is no damage that can be told, nor one that matters.
      if (i >= 16 && i < 24) {
        continue;
      }
      byte[] bad = sound.clone();
      bad[i] ^= 4;
      Files.write(file(), bad);
      assertThat(load().find(stat(1, 60_000))).as("byte " + i).isNull();
      Files.write(file(), java.util.Arrays.copyOf(sound, i));
      assertThat(load().find(stat(1, 60_000))).as("cut at " + i).isNull();
    }
    Files.write(file(), java.util.Arrays.copyOf(sound, sound.length + 1));
    assertThat(load().find(stat(1, 60_000))).isNull();
    Files.write(file(), sound);
    assertThat(load().find(stat(1, 60_000))).isNotNull();
    Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-rw----"));
    assertThat(load().find(stat(1, 60_000))).as("others may write it").isNull();
    saved(3);
    assertThat(load().find(stat(3, 60_000))).isNotNull();
  }

  @Test
  void keepsWhatOthersWroteMeanwhile() throws Exception {
    ScanIndex one = load();
    ScanIndex two = load();
    one.add(stat(1, 60_000), digest(1), one.now());
    two.add(stat(2, 60_000), digest(2), two.now());
    one.save();
    two.save();
    assertThat(load().find(stat(1, 60_000))).isEqualTo(digest(1));
    assertThat(load().find(stat(2, 60_000))).isEqualTo(digest(2));
  }

  @Test
  void aFileThatItKnowsIsNotOpened() throws Exception {
    clock.set(System.currentTimeMillis() + Duration.ofHours(1).toMillis());
    Path tree = Files.createDirectory(directory.resolve("tree"));
    for (int i = 0; i < 50; i++) {
      Files.write(tree.resolve("f" + i), new byte[100 + i]);
    }
    AtomicLong opened = new AtomicLong();
    Platform platform =
        new FaultyPlatform(Platform.best()) {
          @Override
          protected void opening() {
            opened.incrementAndGet();
          }
        };
    String first = scan(platform, tree);
    assertThat(opened).hasValue(50);
    assertThat(scan(platform, tree)).isEqualTo(first);
    assertThat(opened).as("files opened by the second scan as well").hasValue(50);
    Files.write(tree.resolve("f7"), new byte[300]);
    Files.write(tree.resolve("f8"), new byte[] {8, 8}, StandardOpenOption.APPEND);
    assertThat(scan(platform, tree)).isNotEqualTo(first);
    assertThat(opened).hasValue(52);
  }

  private String scan(Platform platform, Path tree) throws Exception {
    ScanIndex index = load();
    try (LocalObjectStore store =
        LocalObjectStore.open(Platform.best(), directory.resolve("objects"), ALGORITHM)) {
      FileTree scanned =
          Scanner.scan(
              platform, tree, false, ScanOptions.defaults(), store, index, null, ScanProgress.NONE);
      index.save();
      return TestImages.dump(scanned);
    }
  }

  @Test
  void whatWasNotUsedLongestGoesFirst() throws Exception {
    saved(1, 2, 3);
    clock.addAndGet(Duration.ofHours(1).toMillis());
    ScanIndex index = load(4);
    assertThat(index.find(stat(2, 60_000))).isNotNull();
    index.add(stat(4, 60_000), digest(4), index.now());
    index.add(stat(5, 60_000), digest(5), index.now());
    index.save();
    ScanIndex after = load(4);
    List<Integer> known = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      if (after.find(stat(i, 60_000)) != null) {
        known.add(i);
      }
    }
    assertThat(known).hasSize(4).contains(2, 4, 5);
  }
}
