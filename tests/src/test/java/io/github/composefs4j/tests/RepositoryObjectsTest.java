package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.ObjectSources;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.RepositoryUsage;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Objects of a repository: damaged at random, copied, shared with others, counted. {@code
 * -Dtest.objects=N} damages more.
 */
class RepositoryObjectsTest {
  private static final int OBJECTS = Integer.getInteger("test.objects", 150);

  @TempDir Path directory;

  private final Platform platform = Platform.best();
  private final Random random = new Random(Long.getLong("test.seed", 11));

  private Repository repository(String name) throws IOException {
    Path path = directory.resolve(name);
    Repository.init(
        platform,
        path,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    return Repository.open(platform, path, OpenOptions.DEFAULT);
  }

  private Path tree(String name, int files, int seed) throws IOException {
    Random content = new Random(seed);
    Path tree = Files.createDirectory(directory.resolve(name));
    for (int i = 0; i < files; i++) {
      byte[] bytes = new byte[i % 60 == 7 ? 1_500_000 + i : 100 + content.nextInt(20_000)];
      content.nextBytes(bytes);
      Files.write(tree.resolve("f" + i), bytes);
    }
    return tree;
  }

  private static Digest add(Repository repository, Path tree, String ref) throws IOException {
    try (Transaction change = repository.begin()) {
      FileTree scanned = change.scan(tree, true, ScanOptions.defaults(), ScanProgress.NONE);
      Digest image = change.putImage(scanned, ref).getFirst().digest();
      change.commit();
      return image;
    }
  }

  private static Path path(Path objects, Digest digest) {
    return objects.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }

  @Test
  void damageIsFoundRefusedAndRepaired() throws Exception {
    try (Repository repository = repository("repository")) {
      add(repository, tree("tree", OBJECTS, 1), "all");
      Path objects = directory.resolve("repository/objects");
      Path second = directory.resolve("second");
      copy(objects, second);
      List<Digest> digests = new ArrayList<>(repository.imageObjects("all"));
      Collections.shuffle(digests, random);
      Set<String> damaged = new TreeSet<>();
      for (int i = 0; i + 1 < digests.size(); i += 2) {
        Path one = path(objects, digests.get(i));
        Path other = path(objects, digests.get(i + 1));
        if (random.nextInt(4) == 0) {
          Path between = directory.resolve("between");
          Files.move(one, between);
          Files.move(other, one);
          Files.move(between, other);
        } else {
          damage(one);
          damage(other);
        }
        damaged.add(digests.get(i).hex());
        damaged.add(digests.get(i + 1).hex());
      }
      FsckReport report = repository.check(FsckOptions.defaults());
      Set<String> found =
          report.findings().stream()
              .filter(finding -> finding.type().label().equals("object-digest-mismatch"))
              .map(Finding::path)
              .map(path -> path.replace("objects/", "").replace("/", ""))
              .collect(Collectors.toSet());
      assertThat(found).isEqualTo(damaged);
      VerifiedStore reading = new VerifiedStore(repository.objects());
      for (String hex : damaged) {
        try (VerifiedReader reader = reading.open(Digest.parse(hex))) {
          assertThatThrownBy(() -> reader.readAll(10_000_000)).isInstanceOf(IOException.class);
          assertThatThrownBy(() -> reader.read(0, new byte[100], 0, 100))
              .isInstanceOf(IOException.class);
        }
      }
      try (ReadOnlyObjectStore sound =
          ReadOnlyObjectStore.open(platform, second, HashAlgorithm.SHA256)) {
        RepairReport repair = repository.repair(FsckOptions.defaults(), sound, Waiting.FOREVER);
        assertThat(new TreeSet<>(repair.fetched())).isEqualTo(damaged);
        assertThat(repair.failures()).isEmpty();
        assertThat(repair.quarantined()).isEmpty();
        assertThat(repair.after().isOk()).isTrue();
      }
      assertThat(repository.check(FsckOptions.defaults()).isOk()).isTrue();
      for (Digest digest : digests) {
        assertThat(Files.mismatch(path(objects, digest), path(second, digest))).isEqualTo(-1);
      }
    }
  }

  private void damage(Path object) throws IOException {
    byte[] content = Files.readAllBytes(object);
    switch (random.nextInt(3)) {
      case 0 -> content[random.nextInt(content.length)] ^= (byte) (1 << random.nextInt(8));
      case 1 -> content = java.util.Arrays.copyOf(content, random.nextInt(content.length));
      default ->
          content = java.util.Arrays.copyOf(content, content.length + 1 + random.nextInt(5000));
    }
    Files.delete(object);
    Files.write(object, content);
  }

  @Test
  void imagesAreCopiedAndCounted() throws Exception {
    Path one = tree("one", 40, 1);
    Path two = tree("two", 40, 2);
    for (int i = 0; i < 10; i++) {
      Files.copy(one.resolve("f" + i), two.resolve("same" + i));
    }
    long same = 0;
    for (int i = 0; i < 10; i++) {
      same += Files.size(one.resolve("f" + i));
    }
    try (Repository from = repository("from");
        Repository to = repository("to")) {
      Digest first = add(from, one, "dir/one");
      Digest other = add(from, two, "two");
      RepositoryUsage usage = RepositoryUsage.of(from);
      assertThat(usage.images()).hasSize(2);
      assertThat(usage.sharedBytes()).isEqualTo(same);
      assertThat(usage.objects()).isEqualTo(40 + 40 + 2);
      for (RepositoryUsage.ImageUsage image : usage.images()) {
        boolean isFirst = image.digest().equals(first);
        assertThat(image.sharedBytes()).isEqualTo(same);
        assertThat(image.objects()).isEqualTo(isFirst ? 40 : 50);
        assertThat(image.refs()).containsExactly(isFirst ? "dir/one" : "two");
      }
      assertThat(usage.bytes())
          .isEqualTo(
              same
                  + usage.images().stream()
                      .mapToLong(image -> image.uniqueBytes() + image.imageBytes())
                      .sum());

      try (Transaction change = to.begin()) {
        assertThat(change.copyImage(from, "refs/dir/one", "one")).isEqualTo(41);
        assertThat(change.copyImage(from, "two", null)).isEqualTo(41);
        change.commit();
      }
      assertThat(to.check(FsckOptions.defaults()).isOk()).isTrue();
      assertThat(to.resolveImage("one")).isEqualTo(first);
      assertThat(to.imageObjects(other.hex())).isEqualTo(from.imageObjects("two"));

      Path bad = path(directory.resolve("from/objects"), from.imageObjects("refs/dir/one").get(3));
      damage(bad);
      try (Repository third = repository("third");
          Transaction change = third.begin()) {
        assertThatThrownBy(() -> change.copyImage(from, "refs/dir/one", "one"))
            .isInstanceOf(DigestMismatchException.class);
      }
    }
  }

  @Test
  void whatIsPresentElsewhereIsNotStored() throws Exception {
    Path one = tree("one", 60, 1);
    Path two = tree("two", 60, 1);
    Files.writeString(two.resolve("more"), "more than sixty-four bytes ".repeat(10));
    try (Repository shared = repository("shared");
        Repository plain = repository("plain");
        Repository bare = repository("own");
        Repository own =
            Repository.open(
                Platform.best(),
                bare.path(),
                OpenOptions.DEFAULT.withSources(
                    ObjectSources.at(Platform.best(), List.of(shared.path()))))) {
      add(shared, one, "one");
      Digest expected = add(plain, two, "two");
      ScanIndex index = ScanIndex.load(directory.resolve("cache"), HashAlgorithm.SHA256);
      try (Transaction change = own.begin()) {
        FileTree tree = change.scan(two, true, ScanOptions.defaults(), index, ScanProgress.NONE);
        assertThat(change.putImage(tree, "two").getFirst().digest()).isEqualTo(expected);
        change.commit();
      }
      RepositoryUsage usage = RepositoryUsage.of(own);
      assertThat(usage.objects()).as("one file and the image").isEqualTo(2);
      long all = usage.images().getFirst().objects();
      assertThat(usage.sources().getFirst().objects()).isEqualTo(all - 1);
      assertThat(usage.sources().getFirst().needed()).isEqualTo(all - 1);
      assertThat(own.check(FsckOptions.defaults()).lines()).contains("status: ok");
      assertThat(bare.check(FsckOptions.defaults()).missingObjects()).isEqualTo(all - 1);
    }
  }
}
