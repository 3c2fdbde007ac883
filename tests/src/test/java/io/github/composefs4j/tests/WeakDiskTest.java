package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.SplitStreamWriter;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a repository promises, on a disk that promises as little as it may ({@link WeakDisk}): all
 * that is done to it is cut off before each sync and after each acknowledgement, and all that a
 * crash may leave then is judged. With any one of our syncs left out, something must be lost.
 */
class WeakDiskTest {
  /** The content that comes twice, once from somebody who does not sync it. */
  private static final byte[] SHARED = "shared ".repeat(100).getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private final List<String> log = new ArrayList<>();
  private int runs;
  private int states;

  /** What went wrong, or an empty string. */
  private String broken = "";

  private WeakDisk disk;
  private Path base;
  private Path path;
  private boolean initialized;
  private boolean strayIsGone;
  private Set<FormatVersion> formats = Set.of();

  @Test
  void everyStateThatACrashLeavesIsWhole() throws Exception {
    run("");
    System.out.printf("%d states after a crash, %d syncs%n", states, disk.sites().size());
    assertThat(broken).isEmpty();
    assertThat(states).isGreaterThan(100);
  }

  @Test
  void noSyncCanBeLeftOut() throws Exception {
    run("");
    List<String> notNeeded = new ArrayList<>();
    for (String site : disk.sites()) {
      run(site);
      System.out.println("without " + site + ": " + broken);
      if (broken.isEmpty()) {
        notNeeded.add(site);
      }
    }
    assertThat(notNeeded).isEmpty();
  }

  /** A life of a repository, in which every operation that promises something comes. */
  private void run(String omitted) throws Exception {
    log.clear();
    broken = "";
    states = 0;
    initialized = false;
    strayIsGone = false;
    base = Files.createDirectories(directory.resolve("run" + runs++));
    path = base.resolve("a/repository");
    disk = new WeakDisk(base, omitted, this::judgeAll);
    formats = new TreeSet<>(List.of(FormatVersion.V1));
    Repository.init(
        disk,
        path,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    initialized = true;
    judgeAll();
    try (Repository repository = Repository.open(disk, path, OpenOptions.DEFAULT)) {
      String first = addImage(repository, "first", "one");
      String second = addImage(repository, "deep/second", "two");
      addStream(repository, "stream", "layer");
      set(repository, Category.IMAGES, "deep/er/third", first);
      move(repository, "first", "deep/first");
      set(repository, Category.IMAGES, "deep/second", first);
      collect(repository);
      // Somebody was killed before the sync of an entry, which is tagged then.
      disk.unfinished(true);
      putImage(repository, null, "two");
      disk.unfinished(false);
      set(repository, Category.IMAGES, "lent", second);
      repair(repository);
      // Somebody was killed before the sync of a ref's removal.
      begin("remove images/lent");
      disk.unfinished(true);
      repository.removeRef(Category.IMAGES, "lent");
      disk.unfinished(false);
      collect(repository);
      remove(repository, Category.IMAGES, "deep/er/third");
      remove(repository, Category.STREAMS, "stream");
      collect(repository);
      quarantine(repository);
      formats = new TreeSet<>(List.of(FormatVersion.V1, FormatVersion.V2));
      repository.setFormats(FormatVersion.V2, Set.of(), Waiting.FOREVER);
      formats = new TreeSet<>(List.of(FormatVersion.V2));
      judgeAll();
    }
  }

  private void begin(String line) {
    log.add("begin " + line);
  }

  private void done() {
    log.add("done");
    judgeAll();
  }

  private String putImage(Repository repository, @Nullable String ref, String content)
      throws IOException {
    Path tree = directory.resolve("tree-" + content);
    if (!Files.exists(tree)) {
      Files.createDirectory(tree);
      Files.writeString(tree.resolve("own"), (content + " ").repeat(200));
      Files.write(tree.resolve("shared"), SHARED);
    }
    try (Transaction transaction = repository.begin()) {
      String image =
          transaction
              .putImage(
                  transaction.scan(tree, false, ScanOptions.defaults(), ScanProgress.NONE), ref)
              .getFirst()
              .digest()
              .hex();
      if (ref != null) {
        begin("set images/" + ref + " " + image);
      }
      transaction.commit();
      return image;
    }
  }

  private String addImage(Repository repository, String ref, String content) throws IOException {
    String image = putImage(repository, ref, content);
    done();
    return image;
  }

  private void addStream(Repository repository, String ref, String id) throws IOException {
    begin("set streams/" + ref + " " + id);
    SplitStreamWriter stream =
        new SplitStreamWriter(HashAlgorithm.SHA256, 0, StreamCodec.find().orElseThrow());
    try (Transaction transaction = repository.begin()) {
      byte[] content = "of a stream ".repeat(100).getBytes(StandardCharsets.UTF_8);
      stream.external(
          transaction.objects().put(content, new ObjectWorker(HashAlgorithm.SHA256)),
          content.length);
      transaction.putStream(stream, id, ref);
      transaction.commit();
    }
    done();
  }

  private void set(Repository repository, Category category, String ref, String entry)
      throws IOException {
    begin("set " + category.directory() + "/" + ref + " " + entry);
    repository.setRef(category, ref, entry);
    done();
  }

  private void move(Repository repository, String from, String to) throws IOException {
    String image = repository.resolveImage("refs/" + from).hex();
    begin("move images/" + from + " images/" + to + " " + image);
    repository.moveRef(Category.IMAGES, from, to);
    done();
  }

  private void remove(Repository repository, Category category, String ref) throws IOException {
    begin("remove " + category.directory() + "/" + ref);
    repository.removeRef(category, ref);
    done();
  }

  private void collect(Repository repository) throws IOException {
    begin("collect");
    assertThat(repository.collect(RepositorySamples.GC).stopped()).isFalse();
    done();
  }

  /** An object is lost, and put back by somebody who does not sync it before a repair sees it. */
  private void repair(Repository repository) throws IOException {
    ObjectWorker worker = new ObjectWorker(HashAlgorithm.SHA256);
    Path store = directory.resolve("source");
    Digest object;
    try (Transaction transaction = repository.begin()) {
      object = transaction.objects().put(SHARED, worker);
    }
    String name = new String(object.objectPath(), StandardCharsets.US_ASCII);
    Files.createDirectories(store.resolve(name).getParent());
    Files.write(store.resolve(name), SHARED);
    for (boolean putBack : new boolean[] {false, true}) {
      begin("damage " + object.hex());
      Files.delete(path.resolve("objects").resolve(name));
      disk.outside(path.resolve("objects").resolve(name));
      done();
      if (putBack) {
        try (Transaction transaction = repository.begin()) {
          transaction.objects().put(SHARED, worker);
        }
      }
      begin("repair");
      try (ReadOnlyObjectStore source =
          ReadOnlyObjectStore.open(new LinuxPlatform(), store, HashAlgorithm.SHA256)) {
        assertThat(repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER).failures())
            .isEmpty();
      }
      done();
    }
  }

  /** What does not belong there is put aside, and does not come back. */
  private void quarantine(Repository repository) throws IOException {
    Path stray = path.resolve("images/stray");
    Files.writeString(stray, "stray");
    disk.outside(stray);
    begin("repair");
    try (ReadOnlyObjectStore source =
        ReadOnlyObjectStore.open(
            new LinuxPlatform(), directory.resolve("source"), HashAlgorithm.SHA256)) {
      repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
    }
    strayIsGone = true;
    done();
  }

  /** All that a crash at this instant may leave. */
  private void judgeAll() {
    if (!broken.isEmpty()) {
      return;
    }
    List<String> pending = disk.pending();
    List<Predicate<String>> choices = new ArrayList<>(List.of(_ -> false, _ -> true));
    if (pending.size() > 1) {
      for (String each : pending) {
        choices.add(each::equals);
        choices.add(group -> !group.equals(each));
      }
    }
    try {
      for (Predicate<String> written : choices) {
        for (boolean contents : new boolean[] {false, true}) {
          judge(written, contents);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void judge(Predicate<String> written, boolean contents) throws IOException {
    Path crashed = Files.createDirectory(directory.resolve("crashed"));
    disk.crash(written, contents, crashed);
    states++;
    Path repository = crashed.resolve(base.relativize(path));
    if (initialized || Files.exists(repository.resolve("meta.json"))) {
      WorkLog now = new WorkLog(List.copyOf(log));
      RepositoryJudge.Verdict verdict =
          new RepositoryJudge(new Pool(directory)).judge(repository, now.expected(now));
      List<String> wrong = new ArrayList<>(verdict.lost());
      verdict.incomplete().stream()
          .filter(each -> strayIsGone || !each.contains("images/stray"))
          .forEach(wrong::add);
      if (wrong.isEmpty()) {
        try (Repository opened =
            Repository.open(new LinuxPlatform(), repository, OpenOptions.DEFAULT)) {
          if (!formats.contains(opened.formats().getFirst())) {
            wrong.add("formats " + opened.formats());
          }
        }
      }
      if (!wrong.isEmpty()) {
        broken = (log.isEmpty() ? "init" : log.getLast()) + ": " + wrong;
      }
    }
    try (Stream<Path> all = Files.walk(crashed)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
