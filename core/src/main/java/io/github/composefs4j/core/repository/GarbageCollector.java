package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Collection (repository.md, section 10). Marking goes on beside everything else, under the shared
 * lock; under the exclusive one only the roots are read again, what is new is marked, and the sweep
 * is done: links first, made durable, then objects, so that a cut in between leaves no link without
 * its object.
 */
final class GarbageCollector {
  /** Ours may be of a writer that knows no repository, only its objects. */
  private static final long FOREIGN_WRITER_SECONDS = 3600;

  private final Repository repository;
  private final StoreDirectory root;
  private final GcOptions options;
  private final ConcurrentLinkedQueue<Finding> findings = new ConcurrentLinkedQueue<>();
  private final LongAdder objects = new LongAdder();
  private final LongAdder seen = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final Map<Category, LongAdder> links = Fsck.counters();
  private long temporaries;

  GarbageCollector(Repository repository, GcOptions options) {
    this.repository = repository;
    this.root = repository.root();
    this.options = options;
  }

  GcResult run() throws IOException {
    try (Workers workers = new Workers(Math.max(1, options.threads()))) {
      Liveness liveness = new Liveness(repository, workers);
      if (options.dryRun()) {
        return repository.reading(() -> {
          liveness.mark(options.extraRoots(), options.processes());
          if (!liveness.isUncertain()) {
            sweepObjects(liveness, workers);
            countBrokenLinks();
          }
          return result(liveness);
        });
      }
      // Who is in a hurry must not wait for the shared lock either: the exclusive one comes at
      // once.
      if (!options.waiting().isNone()) {
        repository.reading(() -> {
          liveness.mark(options.extraRoots(), options.processes());
          return null;
        });
      }
      try (RepositoryLock.Held _ = repository.exclusive(options.waiting())) {
        liveness.mark(options.extraRoots(), options.processes());
        if (!liveness.isUncertain()) {
          sweep(liveness, workers);
        }
      }
      return result(liveness);
    }
  }

  private GcResult result(Liveness liveness) {
    List<Finding> all = new ArrayList<>(liveness.findings());
    all.addAll(findings);
    if (all.size() > 1) { // or the comparator is made for nothing, which takes milliseconds
      all.sort(Comparator.comparing(Finding::path).thenComparing(Finding::type));
    }
    return new GcResult(
        options.dryRun(),
        liveness.isUncertain(),
        objects.sum(),
        bytes.sum(),
        Fsck.count(links, Category.IMAGES),
        Fsck.count(links, Category.STREAMS),
        temporaries,
        liveness.live().size(),
        all);
  }

  private void sweep(Liveness liveness, Workers workers) throws IOException {
    Set<String> dirty = new LinkedHashSet<>();
    // Whoever moved or removed a ref may have been killed before that was durable: a crash must not
    // bring back a ref to what is removed now.
    for (Category category : Category.values()) {
      dirty.addAll(repository.links(category).directories());
    }
    repository.syncs().directories(dirty);
    for (Category category : Category.values()) {
      sweepEntries(category, liveness.live(), dirty);
    }
    // A ref that leads nowhere now must not come to lead to something else by a crash.
    repository.syncs().directories(dirty);
    sweepObjects(liveness, workers);
    removeTemporaries("", ".symlink-");
    removeTemporaries(Links.OBJECTS, ".tmp");
    for (Category category : Category.values()) {
      removeEmptyRefDirectories(category);
    }
  }

  /** Removes entries whose object is not needed or not there, and refs that lead nowhere. */
  private void sweepEntries(Category category, DigestSet live, Set<String> dirty)
      throws IOException {
    Links all = repository.links(category);
    for (Links.Found found : all.entries()) {
      String path = all.entryPath(found.name());
      if (found.type() != EntryType.SYMLINK) {
        findings.add(Finding.of(FindingType.ENTRY_NOT_SYMLINK, path));
        continue;
      }
      Digest object = objectOf(all, found.name());
      if (object != null && (!live.contains(object) || isMissing(object)) && !isYoung(object)) {
        if (all.remove(path, dirty)) {
          Fsck.count(links, category, 1);
        }
      }
    }
    for (Links.Found found : all.allRefs()) {
      String path = all.refPath(found.name());
      if (found.type() == EntryType.SYMLINK && isBrokenRef(all, path) && all.remove(path, dirty)) {
        Fsck.count(links, category, 1);
      }
    }
  }

  private @Nullable Digest objectOf(Links all, String entry) throws IOException {
    try {
      return all.object(entry);
    } catch (ComposefsException e) {
      findings.add(Finding.of(FindingType.ENTRY_NOT_TO_OBJECT, all.entryPath(entry), e));
      return null;
    }
  }

  private boolean isMissing(Digest object) throws IOException {
    return root.stat(Repository.objectPath(object)) == null;
  }

  /**
   * A ref is broken if it leads to no entry. One that leads straight to an object is only odd, and
   * one to an image that has lost its entry can be repaired.
   */
  private boolean isBrokenRef(Links all, String path) throws IOException {
    String text = all.text(path);
    String entry = text == null ? null : Links.lastComponent(text);
    if (text == null || entry == null || all.text(all.entryPath(entry)) != null) {
      return false;
    }
    boolean toObject = all.parseTarget(text) != null && text.contains(Links.OBJECTS + "/");
    boolean lostEntry =
        all.category() == Category.IMAGES && all.isDigest(entry) && !isMissing(Digest.parse(entry));
    return !toObject && !lostEntry;
  }

  private void countBrokenLinks() throws IOException {
    for (Category category : Category.values()) {
      Links all = repository.links(category);
      for (Links.Found found : all.entries()) {
        if (found.type() != EntryType.SYMLINK) {
          findings.add(Finding.of(FindingType.ENTRY_NOT_SYMLINK, all.entryPath(found.name())));
          continue;
        }
        Digest object = objectOf(all, found.name());
        if (object != null && isMissing(object)) {
          Fsck.count(links, category, 1);
        }
      }
      for (Links.Found found : all.allRefs()) {
        if (found.type() == EntryType.SYMLINK && isBrokenRef(all, all.refPath(found.name()))) {
          Fsck.count(links, category, 1);
        }
      }
    }
  }

  private void sweepObjects(Liveness liveness, Workers workers) throws IOException {
    List<Workers.Task> tasks = new ArrayList<>();
    root.list(
        Links.bytes(Links.OBJECTS),
        (name, type) -> {
          String directory = FileName.decode(name);
          if (Links.isObjectDirectory(name) && type == EntryType.DIRECTORY) {
            tasks.add(() -> sweepDirectory(directory, liveness.live()));
          } else if (Links.isObjectDirectory(name)) {
            String path = Links.OBJECTS + "/" + directory;
            findings.add(Finding.of(FindingType.FOREIGN_FILE, path, "is no directory"));
          }
        });
    workers.run(tasks);
  }

  private void sweepDirectory(String directory, DigestSet live) throws IOException {
    String path = Links.OBJECTS + "/" + directory;
    List<byte[]> dead = new ArrayList<>();
    int[] others = {0};
    root.list(
        Links.bytes(path),
        (name, type) -> {
          Digest digest = type == EntryType.FILE ? objectName(directory, name) : null;
          if (digest == null) {
            String odd = path + "/" + FileName.decode(name);
            findings.add(
                type == EntryType.FILE
                    ? Finding.of(FindingType.OBJECT_INVALID_NAME, odd, "not the rest of a digest")
                    : Finding.of(FindingType.UNEXPECTED_FILE_TYPE, odd));
            others[0]++;
          } else if (live.contains(digest)) {
            others[0]++;
          } else {
            dead.add(name);
          }
        });
    for (byte[] name : dead) {
      if (Thread.currentThread().isInterrupted()) {
        return; // what is done is done; the next collection goes on
      }
      removeObject(path, name);
    }
    seen.add(dead.size() + others[0]);
    options.progress().update(seen.sum(), bytes.sum());
    if (!options.dryRun() && others[0] == 0) {
      root.removeDirectory(Links.bytes(path));
    }
  }

  private @Nullable Digest objectName(String directory, byte[] name) {
    byte[] path = new byte[3 + name.length];
    path[0] = (byte) directory.charAt(0);
    path[1] = (byte) directory.charAt(1);
    path[2] = '/';
    System.arraycopy(name, 0, path, 3, name.length);
    return ImageAccess.parse(path, repository.algorithm());
  }

  private void removeObject(String directory, byte[] name) throws IOException {
    byte[] prefix = Links.bytes(directory + "/");
    byte[] path = new byte[prefix.length + name.length];
    System.arraycopy(prefix, 0, path, 0, prefix.length);
    System.arraycopy(name, 0, path, prefix.length, name.length);
    HostStat stat = root.stat(path);
    if (stat == null || isYoung(stat)) {
      return;
    }
    if (options.dryRun() || root.remove(path)) {
      objects.increment();
      bytes.add(stat.size());
    }
  }

  private boolean isYoung(Digest object) throws IOException {
    HostStat stat = options.grace().isZero() ? null : root.stat(Repository.objectPath(object));
    return stat != null && isYoung(stat);
  }

  /** An object's ctime is that of its name. */
  private boolean isYoung(HostStat stat) {
    long grace = options.grace().toSeconds();
    return grace > 0 && stat.ctimeSeconds() > System.currentTimeMillis() / 1000 - grace;
  }

  /** Under the exclusive lock nobody uses them, but writers that know no repository. */
  private void removeTemporaries(String directory, String prefix) throws IOException {
    List<String> stale = new ArrayList<>();
    root.list(
        directory.isEmpty() ? StoreDirectory.self() : Links.bytes(directory),
        (name, type) -> {
          String text = FileName.decode(name);
          if (type != EntryType.DIRECTORY && text.startsWith(prefix)) {
            stale.add(directory.isEmpty() ? text : directory + "/" + text);
          }
        });
    long limit = System.currentTimeMillis() / 1000 - FOREIGN_WRITER_SECONDS;
    for (String path : stale) {
      HostStat stat = root.stat(Links.bytes(path));
      boolean reference = path.contains("/.tmp-object-") || directory.isEmpty();
      if (stat != null
          && (reference || stat.mtimeSeconds() < limit)
          && root.remove(Links.bytes(path))) {
        temporaries++;
      }
    }
  }

  private void removeEmptyRefDirectories(Category category) throws IOException {
    List<String> directories = new ArrayList<>();
    repository.links(category).allRefs(directories);
    for (String directory : directories.reversed()) {
      root.removeDirectory(Links.bytes(repository.links(category).refPath(directory)));
    }
  }
}
