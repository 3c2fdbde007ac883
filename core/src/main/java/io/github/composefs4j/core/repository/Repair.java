package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.stream.ContentType;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Repairs what a check finds. Objects come from elsewhere under the shared lock, each verified on
 * arrival; what is bad and cannot be had goes to {@code quarantine/} under the exclusive one, where
 * no collector looks.
 */
final class Repair {
  private static final String QUARANTINE = "quarantine";
  private static final String OCI_LAYER = "oci-layer-";
  private static final String OCI_CONFIG = "oci-config-";
  private static final String CONFIG_REFERENCE = "config:";

  /** Images and streams that arrive may refer to more that is missing: check again, so often. */
  private static final int ROUNDS = 8;

  private final Repository repository;
  private final StoreDirectory root;
  private final ObjectStore source;
  private final Waiting waiting;
  private final Set<String> fetched = new TreeSet<>();
  private final List<String> relinked = new ArrayList<>();
  private final List<RepairReport.Quarantined> quarantined = new ArrayList<>();
  private final Map<String, String> failures = new TreeMap<>();

  /** Objects that a source may have which did not answer. */
  private final Set<Digest> undecided = new HashSet<>();

  Repair(Repository repository, ObjectStore source, Waiting waiting) {
    this.repository = repository;
    this.root = repository.root();
    this.source = source;
    this.waiting = waiting;
  }

  RepairReport run(FsckOptions options) throws IOException {
    FsckReport before = repository.check(options);
    FsckReport now = before;
    for (int round = 0; round < ROUNDS && !now.isOk(); round++) {
      failures.clear();
      undecided.clear();
      if (!fetch(now)) {
        break;
      }
      now = repository.check(options);
    }
    Map<String, @Nullable Digest> bad = toQuarantine(now);
    if (!bad.isEmpty()) {
      quarantine(bad);
      now = repository.check(options);
    }
    // What was put aside; and what was found sound may have been put in place by somebody who has
    // not come to sync it.
    repository.syncs().all();
    return new RepairReport(
        before,
        List.copyOf(fetched),
        relinked,
        quarantined,
        failures.entrySet().stream().map(e -> e.getKey() + ": " + e.getValue()).toList(),
        now);
  }

  /** {@return whether something was done, so that more may be found} */
  private boolean fetch(FsckReport report) throws IOException {
    Map<Digest, String> wanted = new LinkedHashMap<>();
    List<Finding> lost = new ArrayList<>();
    for (Finding finding : report.findings()) {
      switch (finding.type()) {
        case OBJECT_DIGEST_MISMATCH,
            OBJECT_VERITY_MISSING,
            OBJECT_VERITY_FAILED,
            OBJECT_OPEN_FAILED ->
            want(wanted, digestOf(finding.path()), finding.path());
        case MISSING_OBJECT_REF, MISSING_NAMED_REF, IMAGE_MISSING_OBJECT ->
            want(wanted, parse(finding.objectId()), finding.path());
        case BROKEN_SYMLINK -> {
          want(wanted, objectOf(finding.path()), finding.path());
          lost.add(finding);
        }
        case STREAM_LINK_LOST -> lost.add(finding);
        default -> {}
      }
    }
    boolean done = false;
    try (Transaction transaction = repository.begin()) {
      ObjectWorker worker = new ObjectWorker(repository.algorithm());
      for (Digest digest : wanted.keySet()) {
        try {
          if (transaction.objects().copyFrom(source, digest, worker)) {
            done = true;
            fetched.add(digest.hex());
          }
        } catch (IOException e) {
          failures.put("object " + digest.hex(), String.valueOf(e.getMessage()));
          if (!(e instanceof MissingObjectException || e instanceof DigestMismatchException)) {
            undecided.add(digest);
          }
        }
      }
      for (Finding finding : lost) {
        done |=
            finding.type() == FindingType.STREAM_LINK_LOST
                ? relink(finding, transaction)
                : relinkImage(finding.path(), transaction);
      }
      transaction.commit();
    }
    return done;
  }

  private static void want(Map<Digest, String> wanted, @Nullable Digest digest, String path) {
    if (digest != null) {
      wanted.putIfAbsent(digest, path);
    }
  }

  private @Nullable Digest digestOf(String path) {
    String prefix = Links.OBJECTS + "/";
    return path.startsWith(prefix)
        ? ImageAccess.parse(Links.bytes(path.substring(prefix.length())), repository.algorithm())
        : null;
  }

  private static @Nullable Digest parse(@Nullable String hex) {
    return hex == null ? null : Digest.parse(hex);
  }

  /** The object that an entry leads to, if the path is that of an entry. */
  private @Nullable Digest objectOf(String path) throws IOException {
    for (Category category : Category.values()) {
      String prefix = category.directory() + "/";
      if (path.startsWith(prefix)) {
        String text = repository.links(category).text(path);
        return text == null ? null : repository.links(category).parseTarget(text);
      }
    }
    return null;
  }

  /** Gives an image its entry back, of which a ref tells the digest. */
  private boolean relinkImage(String path, Transaction transaction) throws IOException {
    Links images = repository.links(Category.IMAGES);
    String prefix = images.refPath("");
    String entry = path.startsWith(prefix) ? images.entryOf(path.substring(prefix.length())) : null;
    if (entry == null || !images.isDigest(entry) || images.text(images.entryPath(entry)) != null) {
      return false;
    }
    Digest digest = Digest.parse(entry);
    try (HostFile file = repository.openObject(digest)) {
      ImageAccess.verify(repository, file, digest);
    } catch (MissingObjectException | DigestMismatchException e) {
      return false;
    }
    transaction.addImage(digest, null);
    relinked.add(images.entryPath(entry));
    return true;
  }

  /** Gives a layer or config its entry back, whose name is that of the reference to it. */
  private boolean relink(Finding finding, Transaction transaction) throws IOException {
    Digest digest = parse(finding.objectId());
    String reference = finding.refName();
    if (digest == null || reference == null) {
      return false;
    }
    String entry = null;
    try (SplitStream stream = StreamAccess.open(repository, digest, reference)) {
      if (stream.contentType() == ContentType.OCI_LAYER) {
        entry = OCI_LAYER + reference;
      } else if (stream.contentType() == ContentType.OCI_CONFIG
          && reference.startsWith(CONFIG_REFERENCE)) {
        entry = OCI_CONFIG + reference.substring(CONFIG_REFERENCE.length());
      }
    }
    if (entry == null || !Links.isComponent(entry)) {
      failures.put(finding.path(), "the name of stream " + digest.hex() + " is not known");
      return false;
    }
    transaction.addStream(entry, digest, null);
    relinked.add(repository.links(Category.STREAMS).entryPath(entry));
    return true;
  }

  /** What is bad and in the way: objects that are not what they are called, foreign files. */
  private Map<String, @Nullable Digest> toQuarantine(FsckReport report) {
    Map<String, @Nullable Digest> bad = new TreeMap<>();
    for (Finding finding : report.findings()) {
      switch (finding.type()) {
        case OBJECT_DIGEST_MISMATCH -> {
          Digest digest = digestOf(finding.path());
          if (digest == null || !undecided.contains(digest)) {
            bad.put(finding.path(), digest);
          }
        }
        case FOREIGN_FILE -> {
          // What stands for a directory of objects may hide some.
          if (!finding.path().matches(Links.OBJECTS + "/[0-9a-f]{2}")) {
            bad.put(finding.path(), null);
          }
        }
        case OBJECT_INVALID_NAME, ENTRY_NOT_SYMLINK -> bad.put(finding.path(), null);
        case UNEXPECTED_FILE_TYPE -> {
          if (!finding.path().startsWith(Links.OBJECTS + "/") || finding.path().length() > 10) {
            bad.put(finding.path(), null);
          }
        }
        default -> {}
      }
    }
    return bad;
  }

  private void quarantine(Map<String, @Nullable Digest> bad) throws IOException {
    try (RepositoryLock.Held _ = repository.exclusive(waiting)) {
      root.makeDirectory(Links.bytes(QUARANTINE));
      for (Map.Entry<String, @Nullable Digest> each : bad.entrySet()) {
        String path = each.getKey();
        if (root.stat(Links.bytes(path)) != null && isStillBad(each.getValue())) {
          String to = freeName(path);
          root.rename(Links.bytes(path), Links.bytes(to));
          quarantined.add(new RepairReport.Quarantined(path, to));
        }
      }
    }
  }

  private boolean isStillBad(@Nullable Digest digest) throws IOException {
    if (digest == null) {
      return true;
    }
    try (HostFile file = repository.openObject(digest)) {
      ImageAccess.verify(repository, file, digest);
      return false;
    } catch (DigestMismatchException e) {
      return true;
    }
  }

  private String freeName(String path) throws IOException {
    String flat = FileName.printable(Links.bytes(path)).replace('/', '-');
    String base = QUARANTINE + "/" + (flat.length() > 200 ? flat.substring(0, 200) : flat);
    String name = base;
    for (int i = 1; root.stat(Links.bytes(name)) != null; i++) {
      name = base + "." + i;
    }
    return name;
  }
}
