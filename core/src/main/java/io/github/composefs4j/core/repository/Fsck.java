package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * The check of a repository (repository.md, section 11): metadata, objects, then streams and images
 * with what they refer to, refs, and what does not belong there. The caller holds the shared lock.
 */
final class Fsck {
  /** How long a temporary file must lie still to be called stale: no writer pauses as long. */
  private static final long STILL_SECONDS = 60;

  final Repository repository;
  final StoreDirectory root;
  final FsckOptions options;
  private final Set<Finding> findings = ConcurrentHashMap.newKeySet();
  final LongAdder objectsChecked = new LongAdder();
  final LongAdder objectsCorrupted = new LongAdder();
  final LongAdder missingObjects = new LongAdder();
  private final LongAdder brokenLinks = new LongAdder();
  private final Map<Category, LongAdder> checked = counters();
  private final Map<Category, LongAdder> corrupted = counters();
  private boolean hasMetadata = true;

  /** Objects that were seen under their names. */
  final DigestSet present;

  Fsck(Repository repository, FsckOptions options) throws IOException {
    this.present = DigestSet.withRoomForObjectsOf(repository.root());
    this.repository = repository;
    this.root = repository.root();
    this.options = options;
  }

  static Map<Category, LongAdder> counters() {
    Map<Category, LongAdder> counters = new EnumMap<>(Category.class);
    for (Category category : Category.values()) {
      counters.put(category, new LongAdder());
    }
    return counters;
  }

  static long count(Map<Category, LongAdder> counters, Category category) {
    return Objects.requireNonNull(counters.get(category)).sum();
  }

  static void count(Map<Category, LongAdder> counters, Category category, long more) {
    Objects.requireNonNull(counters.get(category)).add(more);
  }

  void add(Finding finding) {
    findings.add(finding);
  }

  FsckReport run() throws IOException {
    try (Workers workers = new Workers(Math.max(1, options.threads()))) {
      FsckObjects objects = new FsckObjects(this, workers);
      FsckEntries entries = new FsckEntries(this);
      checkMetadata();
      String image = options.image();
      if (image != null) {
        checkImage(image, objects, entries);
      } else {
        List<Workers.Task> checks = new ArrayList<>();
        addEntryChecks(Category.STREAMS, entries, checks);
        addEntryChecks(Category.IMAGES, entries, checks);
        if (options.metadataOnly()) {
          workers.run(checks);
        } else {
          objects.checkAll(checks);
        }
        checkRefs(Category.STREAMS);
        checkRefs(Category.IMAGES);
        entries.findLostLinks();
        checkTemporaries();
      }
      return report();
    }
  }

  private FsckReport report() {
    List<Finding> sorted = new ArrayList<>(findings);
    if (sorted.size() > 1) { // or the comparator is made for nothing, which takes milliseconds
      sorted.sort(
          Comparator.<Finding>comparingInt(finding -> rank(finding.path()))
              .thenComparing(finding -> FileName.encode(finding.path()), Arrays::compareUnsigned)
              .thenComparing(Finding::type)
              .thenComparing(Finding::text));
    }
    return new FsckReport(
        hasMetadata,
        objectsChecked.sum(),
        objectsCorrupted.sum(),
        count(checked, Category.STREAMS),
        count(corrupted, Category.STREAMS),
        count(checked, Category.IMAGES),
        count(corrupted, Category.IMAGES),
        brokenLinks.sum(),
        missingObjects.sum(),
        sorted);
  }

  /** The order of the phases. */
  private static int rank(String path) {
    String[] order = {
      "meta.json", "objects/", "streams/refs/", "streams/", "images/refs/", "images/"
    };
    int[] ranks = {0, 1, 3, 2, 5, 4};
    for (int i = 0; i < order.length; i++) {
      if (path.startsWith(order[i])) {
        return ranks[i];
      }
    }
    return order.length;
  }

  private void checkMetadata() throws IOException {
    String path = "meta.json";
    try {
      MetadataFile.Loaded loaded = MetadataFile.load(root);
      if (loaded == null) {
        hasMetadata = false;
        add(Finding.of(FindingType.METADATA_PARSE_FAILED, path, "missing"));
        return;
      }
      loaded.isSecure(loaded.metadata().config().algorithm());
    } catch (RepositoryException e) {
      hasMetadata = e.reason() != RepositoryException.Reason.INVALID_METADATA;
      add(
          Finding.of(
              hasMetadata
                  ? FindingType.METADATA_ALGORITHM_MISMATCH
                  : FindingType.METADATA_PARSE_FAILED,
              path,
              e));
    }
  }

  private void checkImage(String name, FsckObjects objects, FsckEntries entries)
      throws IOException {
    Digest digest = ImageAccess.resolve(repository.links(Category.IMAGES), name);
    count(checked, Category.IMAGES, 1);
    String path = repository.links(Category.IMAGES).entryPath(digest.hex());
    List<Digest> reached = new ArrayList<>();
    if (!entries.image(path, digest, reached::add)) {
      count(corrupted, Category.IMAGES, 1);
    }
    if (!options.metadataOnly()) {
      objects.check(reached.stream().distinct().toList());
    }
  }

  private void addEntryChecks(Category category, FsckEntries entries, List<Workers.Task> checks)
      throws IOException {
    Links links = repository.links(category);
    List<Links.Found> all = links.entries();
    count(checked, category, all.size());
    for (Links.Found found : all) {
      checks.add(() -> {
        if (!checkEntry(links, found, entries)) {
          count(corrupted, category, 1);
        }
      });
    }
  }

  private boolean checkEntry(Links links, Links.Found found, FsckEntries entries)
      throws IOException {
    String path = links.entryPath(found.name());
    if (found.type() != EntryType.SYMLINK) {
      add(Finding.of(FindingType.ENTRY_NOT_SYMLINK, path));
      return false;
    }
    String text = links.text(path);
    if (text == null) {
      return true; // removed meanwhile
    }
    Digest object = links.parseTarget(text);
    boolean direct = object != null && text.equals(target(object));
    if (object == null) {
      boolean image = links.category() == Category.IMAGES;
      add(
          Finding.of(
              image ? FindingType.IMAGE_OPEN_FAILED : FindingType.STREAM_OPEN_FAILED,
              path,
              "leads to '" + text + "', which is no object"));
      return false;
    }
    if (!direct) {
      add(Finding.of(FindingType.ENTRY_NOT_TO_OBJECT, path, "leads to '" + text + "'"));
    }
    if (!exists(object)) {
      add(Finding.of(FindingType.BROKEN_SYMLINK, path));
      brokenLinks.increment();
      return false;
    }
    if (links.category() == Category.STREAMS) {
      return entries.stream(path, object) && direct;
    }
    boolean named = found.name().equals(object.hex());
    if (!named) {
      add(Finding.of(FindingType.IMAGE_NAME_MISMATCH, path, "leads to image " + object.hex()));
    }
    return entries.image(path, object, _ -> {}) && named && direct;
  }

  private static String target(Digest object) {
    return "../" + FileName.decode(Repository.objectPath(object));
  }

  /** {@return whether there is a file under an object's name here or in a source; asked once} */
  boolean exists(Digest object) throws IOException {
    if (present.contains(object)) {
      return true;
    }
    boolean there =
        root.fileSize(Repository.objectPath(object)) >= 0 || repository.isElsewhere(object);
    if (there) {
      present.add(object);
    }
    return there;
  }

  private void checkRefs(Category category) throws IOException {
    Links links = repository.links(category);
    for (Links.Found found : links.allRefs()) {
      String path = links.refPath(found.name());
      if (found.type() != EntryType.SYMLINK) {
        String kind = found.type() == EntryType.FILE ? "RegularFile" : "Unknown";
        add(Finding.of(FindingType.UNEXPECTED_FILE_TYPE, path, kind));
        continue;
      }
      String text = links.text(path);
      if (text == null) {
        continue; // removed meanwhile
      }
      String entry = Links.lastComponent(text);
      String expected =
          "../".repeat((int) found.name().chars().filter(c -> c == '/').count() + 1) + entry;
      if (entry == null || !expected.equals(text)) {
        add(Finding.of(FindingType.REF_NOT_TO_ENTRY, path, "leads to '" + text + "'"));
        continue;
      }
      String target = links.text(links.entryPath(entry));
      Digest object = target == null ? null : links.parseTarget(target);
      if (target == null || (object != null && !exists(object))) {
        add(Finding.of(FindingType.BROKEN_SYMLINK, path));
        brokenLinks.increment();
      }
    }
  }

  /** What others write at this moment is not stale: it grows, or is gone a moment later. */
  private void checkTemporaries() throws IOException {
    findTemporaries("", ".symlink-");
    findTemporaries(Links.OBJECTS, ".tmp");
  }

  private void findTemporaries(String directory, String prefix) throws IOException {
    long limit = System.currentTimeMillis() / 1000 - STILL_SECONDS;
    root.list(
        directory.isEmpty() ? StoreDirectory.self() : Links.bytes(directory),
        (name, type) -> {
          String text = FileName.decode(name);
          if (text.startsWith(prefix)) {
            String path = directory.isEmpty() ? text : directory + "/" + text;
            HostStat stat = root.stat(Links.bytes(path));
            if (stat != null && stat.mtimeSeconds() < limit) {
              add(Finding.of(FindingType.STALE_TEMPORARY, path));
            }
          }
        });
  }

  /** Checks who may change a file, and whether it may be executed. */
  void checkMode(Supplier<String> path, HostStat stat, int owner) {
    int mode = stat.mode() & ~Inode.S_IFMT;
    if ((mode & 07113) != 0) {
      add(Finding.of(FindingType.WRONG_MODE, path.get(), "mode 0" + Integer.toOctalString(mode)));
    }
    if (stat.uid() != owner && stat.uid() != 0) {
      add(
          Finding.of(
              FindingType.WRONG_OWNER, path.get(), "user " + Integer.toUnsignedString(stat.uid())));
    }
  }
}
