package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Repository.InitOptions;
import io.github.composefs4j.core.repository.Repository.Initialized;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a repository does on every platform that can lock (repository.md). */
public abstract class RepositoryContract {
  protected static final InitOptions INSECURE =
      new InitOptions(false, false, false, Waiting.FOREVER);

  @TempDir protected Path directory;

  /** {@return the platform under test} */
  protected abstract Platform platform();

  protected Path path() {
    return directory.resolve("repo");
  }

  protected Repository create(RepositoryConfig config) throws IOException {
    Repository.init(platform(), path(), config, INSECURE);
    return open();
  }

  protected Repository create() throws IOException {
    return create(RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1));
  }

  protected Repository open() throws IOException {
    return Repository.open(platform(), path(), OpenOptions.DEFAULT);
  }

  /** A directory of a few files above and below the inline limit. */
  protected Path source(int seed) throws IOException {
    Path source = Files.createDirectories(directory.resolve("source" + seed));
    for (int i = 0; i < 10; i++) {
      Files.writeString(source.resolve("f" + i), ("text " + (seed + i) + " ").repeat(5 + 40 * i));
    }
    Files.writeString(source.resolve("small"), "small");
    return source;
  }

  protected Digest putImage(Repository repository, int seed, String ref) throws IOException {
    try (Transaction transaction = repository.begin()) {
      FileTree tree =
          transaction.scan(source(seed), false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest digest = transaction.putImage(tree, ref).getFirst().digest();
      transaction.commit();
      return digest;
    }
  }

  @ParameterizedTest
  @EnumSource(HashAlgorithm.class)
  void initialisesOnceAndKeepsWhatIsThere(HashAlgorithm algorithm) throws IOException {
    RepositoryConfig config =
        new RepositoryConfig(algorithm, FormatVersion.V1, Set.of(FormatVersion.V2));
    assertThat(Repository.init(platform(), path(), config, INSECURE))
        .isEqualTo(Initialized.CREATED);
    assertThat(Repository.init(platform(), path(), config, INSECURE))
        .isEqualTo(Initialized.ALREADY);
    assertThat(Files.list(path())).containsExactly(path().resolve("meta.json"));
    RepositoryConfig other = RepositoryConfig.of(algorithm, FormatVersion.V2);
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, INSECURE))
        .isInstanceOfSatisfying(
            RepositoryException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.ALREADY_INITIALIZED));
    InitOptions ensure = new InitOptions(false, true, false, Waiting.FOREVER);
    assertThat(Repository.init(platform(), path(), other, ensure)).isEqualTo(Initialized.ALREADY);
    try (Repository repository = open()) {
      assertThat(repository.config()).isEqualTo(config);
      assertThat(repository.isSecure()).isFalse();
      assertThat(repository.formats()).containsExactly(FormatVersion.V1, FormatVersion.V2);
    }
  }

  @Test
  void storesImagesInEveryFormatAndNamesTheFirst() throws IOException {
    RepositoryConfig config =
        new RepositoryConfig(HashAlgorithm.SHA256, FormatVersion.V1, Set.of(FormatVersion.V2));
    try (Repository repository = create(config)) {
      Digest digest = putImage(repository, 1, "tree/plain");
      assertThat(repository.refs(Category.IMAGES))
          .containsExactly(new Ref("tree/plain", digest.hex()));
      assertThat(repository.entries(Category.IMAGES)).hasSize(2).contains(digest.hex());
      assertThat(Files.readSymbolicLink(path().resolve("images/refs/tree/plain")))
          .isEqualTo(Path.of("../../" + digest.hex()));
      assertThat(Files.readSymbolicLink(path().resolve("images/" + digest.hex())))
          .isEqualTo(
              Path.of("../objects", digest.hex().substring(0, 2), digest.hex().substring(2)));
      for (String name : List.of(digest.hex(), "refs/tree/plain")) {
        try (ErofsImage image = repository.openImage(name)) {
          assertThat(image.version()).isEqualTo(FormatVersion.V1);
        }
      }
      assertThat(repository.imageObjects(digest.hex())).hasSize(9);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "refs", "../meta.json", "tree/plain", "refs/", "nothing"})
  void namesThatAreNoImagesAreNotFound(String name) throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "tree/plain");
      assertThatThrownBy(() -> repository.openImage(name))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_FOUND));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "/x", "a//b", "a/", ".", "..", "../../x", "a/../b", "tree", "tree/plain/x"})
  void refNamesAreCheckedBeforeAnyWork(String name) throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "tree/plain");
      List<String> before = repository.entries(Category.IMAGES);
      assertThatThrownBy(() -> putImage(repository, 2, name))
          .isInstanceOfSatisfying(
              RepositoryException.class,
              e -> assertThat(e.reason()).isEqualTo(Reason.INVALID_NAME));
      assertThat(repository.entries(Category.IMAGES)).isEqualTo(before);
    }
  }

  @Test
  void refsAreSetMovedAndRemoved() throws IOException {
    try (Repository repository = create()) {
      Digest first = putImage(repository, 1, "a");
      Digest second = putImage(repository, 2, "b/c");
      repository.setRef(Category.IMAGES, "a", second.hex());
      assertThat(repository.resolveImage("a")).isEqualTo(second);
      repository.moveRef(Category.IMAGES, "a", "d/e/f");
      assertThat(repository.refs(Category.IMAGES))
          .containsExactly(new Ref("b/c", second.hex()), new Ref("d/e/f", second.hex()));
      repository.removeRef(Category.IMAGES, "b/c");
      assertThat(repository.resolveImage("refs/d/e/f")).isEqualTo(second);
      assertThatThrownBy(() -> repository.removeRef(Category.IMAGES, "b/c"))
          .hasMessageContaining("not found");
      assertThatThrownBy(() -> repository.setRef(Category.IMAGES, "x", "0".repeat(64)))
          .hasMessageContaining("not found");
      Files.delete(
          path()
              .resolve("objects/" + first.hex().substring(0, 2) + "/" + first.hex().substring(2)));
      assertThatThrownBy(() -> repository.setRef(Category.IMAGES, "x", first.hex()))
          .hasMessageContaining("missing");
    }
  }

  @Test
  void importsOnlyImages() throws IOException {
    try (Repository repository = create()) {
      assertThatThrownBy(
              () -> {
                try (Transaction transaction = repository.begin()) {
                  transaction.importImage(
                      Channels.newChannel(new ByteArrayInputStream(new byte[10_000])), "x");
                }
              })
          .isInstanceOf(IOException.class);
      assertThat(repository.entries(Category.IMAGES)).isEmpty();
      byte[] image = Vectors.image("basic-types.cfs");
      try (Transaction transaction = repository.begin()) {
        Transaction.ImportedImage imported =
            transaction.importImage(Channels.newChannel(new ByteArrayInputStream(image)), "x");
        assertThat(imported.missing()).isNotEmpty();
        transaction.commit();
        assertThat(repository.resolveImage("x")).isEqualTo(imported.digest());
      }
    }
  }

  @Test
  void abandonedChangesLeaveNoNames() throws IOException {
    try (Repository repository = create()) {
      try (Transaction transaction = repository.begin()) {
        FileTree tree =
            transaction.scan(source(1), false, ScanOptions.defaults(), ScanProgress.NONE);
        transaction.putImage(tree, "x");
      }
      assertThat(path().resolve("images")).doesNotExist();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anObjectWithOtherContentIsReplacedNotTrusted(boolean sameSize) throws IOException {
    try (Repository repository = create()) {
      Digest digest = putImage(repository, 1, "x");
      for (Digest object : repository.imageObjects(digest.hex())) {
        Path file =
            path()
                .resolve(
                    "objects/" + object.hex().substring(0, 2) + "/" + object.hex().substring(2));
        byte[] content = Files.readAllBytes(file);
        byte[] bad = sameSize ? content.clone() : new byte[content.length / 2];
        bad[20] ^= 1;
        Files.write(file, bad);
      }
      putImage(repository, 1, "x");
      for (Digest object : repository.imageObjects(digest.hex())) {
        Path file =
            path()
                .resolve(
                    "objects/" + object.hex().substring(0, 2) + "/" + object.hex().substring(2));
        assertThat(
                io.github.composefs4j.core.verity.VerityHasher.digest(
                    HashAlgorithm.SHA256, Files.readAllBytes(file)))
            .isEqualTo(object);
      }
    }
  }

  @Test
  void formatsChange() throws IOException {
    try (Repository repository = create()) {
      repository.setFormats(FormatVersion.V2, Set.of(FormatVersion.V0), Waiting.FOREVER);
      assertThat(repository.formats()).containsExactly(FormatVersion.V2, FormatVersion.V0);
    }
    try (Repository repository = open()) {
      assertThat(repository.formats()).containsExactly(FormatVersion.V2, FormatVersion.V0);
    }
  }

  /** Notes what is done to names, and fails at a chosen step. */
  private final class Recorder extends FaultyPlatform {
    final List<String> steps = Collections.synchronizedList(new ArrayList<>());
    private final int failing;

    Recorder(int failing) {
      super(platform());
      this.failing = failing;
    }

    @Override
    protected void changing(String operation, byte[] name) throws IOException {
      steps.add(operation + " " + FileName.decode(name));
      if (steps.size() == failing) {
        throw new IOException("cut off");
      }
    }
  }

  private void importAndTag(Platform platform, int seed) throws IOException {
    try (Repository repository = Repository.open(platform, path(), OpenOptions.DEFAULT);
        Transaction transaction = repository.begin()) {
      ScanOptions one =
          new ScanOptions(1, HashAlgorithm.SHA256, ScanOptions.Xattrs.ALL, true, false, false);
      FileTree tree = transaction.scan(source(seed), false, one, ScanProgress.NONE);
      transaction.putImage(tree, "a/b");
      transaction.commit();
    }
  }

  @Test
  void namesComeAfterWhatTheyReachIsDurable() throws IOException {
    create().close();
    Recorder recorder = new Recorder(-1);
    importAndTag(recorder, 1);
    List<String> steps =
        recorder.steps.stream()
            .map(step -> step.replaceAll("[0-9a-f]{2}/?[0-9a-f]{62}", "X"))
            .filter(step -> !step.startsWith("mkdir objects"))
            .distinct()
            .toList();
    assertThat(steps)
        .containsSubsequence(
            "publish X",
            "mkdir images",
            "mkdir images/refs",
            "mkdir images/refs/a",
            "syncfs .",
            "symlink images/X",
            "fsync images",
            "symlink images/refs/a/b",
            "fsync images/refs/a");
    assertThat(steps.indexOf("syncfs .")).isGreaterThan(steps.lastIndexOf("publish X"));
  }

  @Test
  void cutOffAtAnyStepLeavesOnlyWholeNames() throws IOException {
    create().close();
    importAndTag(platform(), 1);
    int total;
    {
      Recorder all = new Recorder(-1);
      importAndTag(all, 2);
      total = all.steps.size();
    }
    for (int step = 1; step <= total; step++) {
      try (Repository repository = open()) {
        repository.removeRef(Category.IMAGES, "a/b");
        repository.collect(NO_MOUNTS);
      }
      importAndTag(platform(), 1);
      Recorder cut = new Recorder(step);
      try {
        importAndTag(cut, 2);
      } catch (IOException e) {
        assertThat(e).hasMessageContaining("cut off");
      }
      try (Repository repository = open()) {
        assertThat(repository.check(FsckOptions.defaults()).findings())
            .as("step " + step)
            .isEmpty();
        assertThat(repository.refs(Category.IMAGES)).hasSize(1);
      }
      importAndTag(platform(), 2);
      try (Repository repository = open()) {
        GcResult result = repository.collect(NO_MOUNTS);
        assertThat(result.findings()).isEmpty();
        assertThat(repository.check(FsckOptions.defaults()).findings()).isEmpty();
        assertThat(repository.imageObjects("refs/a/b")).hasSize(9);
      }
    }
    assertThat(total).isGreaterThan(10);
  }

  /** A collection that is cut off has removed links before their objects. */
  @Test
  void aCollectionCutOffLeavesNoLinkWithoutItsObject() throws IOException {
    create().close();
    for (int step = 1; step < 60; step++) {
      try (Repository repository = open()) {
        putImage(repository, 1, "kept");
        putImage(repository, 100, null);
      }
      Recorder cut = new Recorder(step);
      try (Repository repository = Repository.open(cut, path(), OpenOptions.DEFAULT)) {
        repository.collect(NO_MOUNTS.withWaiting(Waiting.NONE));
      } catch (IOException e) {
        assertThat(e).hasMessageContaining("cut off");
      }
      try (Repository repository = open()) {
        assertThat(repository.check(FsckOptions.defaults()).findings())
            .as("step " + step)
            .isEmpty();
      }
      if (cut.steps.size() < step) {
        assertThat(step).isGreaterThan(5);
        return;
      }
    }
  }

  /** Whoever removed the ref may have been killed before that was durable. */
  @Test
  void aCollectionRemovesNothingBeforeTheRefsAreDurable() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "deep/kept");
      putImage(repository, 100, "deep/gone");
    }
    Files.delete(path().resolve("images/refs/deep/gone"));
    Recorder recorder = new Recorder(-1);
    try (Repository repository = Repository.open(recorder, path(), OpenOptions.DEFAULT)) {
      assertThat(repository.collect(NO_MOUNTS).objects()).isPositive();
    }
    List<String> steps = recorder.steps;
    int firstUnlink =
        steps.indexOf(steps.stream().filter(each -> each.startsWith("unlink")).findFirst().get());
    assertThat(steps.subList(0, firstUnlink))
        .contains("fsync images", "fsync images/refs", "fsync images/refs/deep");
    int firstObject =
        steps.indexOf(
            steps.stream().filter(each -> each.startsWith("unlink objects/")).findFirst().get());
    assertThat(steps.subList(firstUnlink, firstObject)).contains("fsync images");
  }

  /** What is sound may be what somebody else has just put in place, and not synced. */
  @Test
  void aRepairIsDurableThoughNothingWasToDo() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "sound");
    }
    Recorder recorder = new Recorder(-1);
    try (Repository repository = Repository.open(recorder, path(), OpenOptions.DEFAULT)) {
      RepairReport report =
          repository.repair(
              FsckOptions.defaults(),
              new MemoryObjectStore(repository.algorithm()),
              Waiting.FOREVER);
      assertThat(report.lines()).isEmpty();
    }
    assertThat(recorder.steps).containsExactly("syncfs .");
  }

  @Test
  void aRepairPutsAsideOnlyWhatNoSourceHas() throws IOException {
    try (Repository repository = create()) {
      Digest image = putImage(repository, 1, "x");
      String object = FileName.decode(repository.imageObjects(image.hex()).getFirst().objectPath());
      Path damaged = path().resolve("objects").resolve(object);
      Files.writeString(damaged, "damaged");
      Files.writeString(path().resolve("objects/foreign"), "");
      UnreliableStore source = new UnreliableStore(new MemoryObjectStore(repository.algorithm()));
      source.fail("down");
      RepairReport first = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      assertThat(first.failures()).hasSize(1);
      assertThat(first.quarantined())
          .extracting(RepairReport.Quarantined::path)
          .containsExactly("objects/foreign");
      assertThat(damaged).exists();
      source.fail(null);
      RepairReport second = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      assertThat(second.quarantined())
          .extracting(RepairReport.Quarantined::path)
          .containsExactly("objects/" + object);
      assertThat(damaged).doesNotExist();
    }
  }

  private static final GcOptions NO_MOUNTS =
      GcOptions.defaults().withProcesses(Path.of("/nonexistent"));

  @Test
  void handlesOfOneProcessShareOneLock() throws Exception {
    try (Repository first = create();
        Repository second = open()) {
      putImage(first, 1, null);
      Repository.Hold hold = first.hold();
      assertThatThrownBy(() -> second.collect(NO_MOUNTS.withWaiting(Waiting.NONE)))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.BUSY));
      assertThatThrownBy(
              () -> second.collect(NO_MOUNTS.withWaiting(Waiting.atMost(Duration.ofMillis(50)))))
          .hasMessageContaining("locked");
      assertThatThrownBy(() -> first.collect(NO_MOUNTS)).hasMessageContaining("this very handle");
      AtomicReference<GcResult> result = new AtomicReference<>();
      Thread collector =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  result.set(second.collect(NO_MOUNTS));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      Thread.sleep(200);
      assertThat(collector.isAlive()).isTrue();
      // Who holds the lock goes on, also through the gate that is shut for others.
      assertThat(first.refs(Category.IMAGES)).isEmpty();
      putImage(first, 2, "x");
      hold.close();
      collector.join();
      assertThat(result.get().objects()).isEqualTo(10);
      assertThat(first.check(FsckOptions.defaults()).findings()).isEmpty();
    }
  }

  /** Users that overlap without end do not keep a collector waiting. */
  @Test
  void aCollectorIsNotStarved() throws Exception {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
      AtomicBoolean over = new AtomicBoolean();
      List<Thread> users = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        users.add(
            Thread.ofPlatform()
                .start(() -> {
                  try (Repository own = open()) {
                    while (!over.get()) {
                      try (Transaction transaction = own.begin()) {
                        Thread.sleep(20);
                        transaction.commit();
                      }
                    }
                  } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                }));
      }
      for (int i = 0; i < 5; i++) {
        repository.collect(NO_MOUNTS.withWaiting(Waiting.atMost(Duration.ofSeconds(15))));
      }
      over.set(true);
      for (Thread user : users) {
        user.join();
      }
    }
  }

  /** The gate is a lock on a directory that the user it waits for may only now be making. */
  @Test
  void aCollectorShutsTheGateOnceThereIsOne() throws Exception {
    try (Repository user = create();
        Repository repository = open()) {
      Repository.Hold hold = user.hold();
      Thread collector =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  repository.collect(NO_MOUNTS);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      Thread.sleep(300); // it waits by now
      Files.createDirectory(path().resolve("objects"));
      try (StoreDirectory root = platform().openExistingStore(path());
          StoreDirectory.Lock other = root.lock(FileName.encode("objects"))) {
        boolean open = true;
        for (int i = 0; i < 500 && open; i++) {
          Thread.sleep(10);
          open = other.tryLock(false);
          other.unlock();
        }
        assertThat(open).isFalse();
      }
      hold.close();
      collector.join(10_000);
      assertThat(collector.isAlive()).isFalse();
    }
  }

  @Test
  void resettingKeepsObjectsAndChecksFirst() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
    }
    InitOptions reset = new InitOptions(false, false, true, Waiting.NONE);
    InitOptions ensure = new InitOptions(false, true, true, Waiting.NONE);
    RepositoryConfig other = RepositoryConfig.of(HashAlgorithm.SHA512, FormatVersion.V1);
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, ensure))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("images/refs/x")).exists();
    try (Repository repository = open();
        Repository.Hold hold = repository.hold()) {
      assertThat(hold).isNotNull();
      assertThatThrownBy(() -> Repository.init(platform(), path(), other, reset))
          .hasMessageContaining("locked");
    }
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, reset))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("images/refs/x")).exists();
    assertThat(path().resolve("meta.json")).exists();
    RepositoryConfig v2 = RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V2);
    assertThat(Repository.init(platform(), path(), v2, reset)).isEqualTo(Initialized.CREATED);
    assertThat(path().resolve("images")).doesNotExist();
    assertThat(path().resolve("objects")).isNotEmptyDirectory();
  }

  @Test
  void oldRepositoriesAreInferred() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
    }
    Files.delete(path().resolve("meta.json"));
    Files.createDirectories(path().resolve("objects/zz"));
    assertThatThrownBy(
            () -> Repository.open(platform(), path(), OpenOptions.DEFAULT.withUpgrade(false)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OLD_FORMAT));
    assertThatThrownBy(() ->
            Repository.open(
                platform(), path(), OpenOptions.DEFAULT.withExpected(HashAlgorithm.SHA512)))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("meta.json")).doesNotExist();
    try (Repository repository = open()) {
      assertThat(repository.config())
          .isEqualTo(RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V2));
      assertThat(repository.imageObjects("x")).hasSize(9);
    }
  }
}
