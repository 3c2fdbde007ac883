package io.github.composefs4j.tests;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FindingType;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Judges a repository after a crash by what its workers had told before. */
final class RepositoryJudge {
  private static final int OBJECT_MAX = 64 << 20;

  private final LinuxPlatform platform = new LinuxPlatform();
  private final Pool pool;

  RepositoryJudge(Pool pool) {
    this.pool = pool;
  }

  /**
   * A verdict.
   *
   * @param lost names that were acknowledged and are not as they were
   * @param incomplete names that are there without all that they reach
   * @param images how many images were there
   * @param streams how many streams were there
   */
  record Verdict(List<String> lost, List<String> incomplete, int images, int streams) {
    boolean isSound() {
      return lost.isEmpty() && incomplete.isEmpty();
    }
  }

  Verdict judge(Path path, WorkLog.Expected expected) throws IOException {
    List<String> lost = new ArrayList<>();
    List<String> incomplete = new ArrayList<>();
    int images = 0;
    int streams = 0;
    try (Repository repository = open(path)) {
      judgeNames(repository, expected, lost);
      VerifiedStore objects = new VerifiedStore(repository.objects());
      Set<Digest> sound = new HashSet<>();
      for (String entry : repository.entries(Category.IMAGES)) {
        images++;
        try (ErofsImage image = repository.openImage(entry)) {
          image.check();
          for (Digest digest : repository.imageObjects(entry)) {
            if (!expected.damaged().contains(digest.hex()) && sound.add(digest)) {
              read(objects, digest);
            }
          }
        } catch (IOException e) {
          incomplete.add("image " + entry + ": " + e.getMessage());
        }
      }
      Set<String> excused = new HashSet<>();
      for (String entry : repository.entries(Category.STREAMS)) {
        streams++;
        try (SplitStream stream = repository.openStream(entry)) {
          if (stream.objects().stream().anyMatch(each -> expected.damaged().contains(each.hex()))) {
            excused.add("streams/" + entry);
          } else {
            repository.cat(entry, OutputStream.nullOutputStream());
          }
        } catch (IOException e) {
          incomplete.add("stream " + entry + ": " + e.getMessage());
        }
      }
      for (Finding each :
          repository.check(FsckOptions.defaults().withMetadataOnly(true)).findings()) {
        boolean ours = each.objectId() != null && expected.damaged().contains(each.objectId());
        if (!ours && !excused.contains(each.path()) && each.type() != FindingType.STALE_TEMPORARY) {
          incomplete.add(each.text());
        }
      }
    } catch (IOException e) {
      lost.add("repository: " + e.getMessage());
    }
    return new Verdict(lost, incomplete, images, streams);
  }

  private Repository open(Path path) throws IOException {
    return Repository.open(platform, path, OpenOptions.DEFAULT.withUpgrade(false));
  }

  private static void judgeNames(
      Repository repository, WorkLog.Expected expected, List<String> lost) throws IOException {
    Set<String> there = new HashSet<>();
    for (Category category : Category.values()) {
      for (Ref ref : repository.refs(category)) {
        String name = category.directory() + "/" + ref.name();
        there.add(name);
        Set<String> allowed = expected.allowed().getOrDefault(name, Set.of());
        if (!allowed.contains(ref.entry())) {
          lost.add("ref " + name + " leads to " + ref.entry() + ", not to " + allowed);
        }
      }
    }
    for (Map.Entry<String, Set<String>> each : expected.allowed().entrySet()) {
      if (!there.contains(each.getKey()) && !each.getValue().contains(WorkLog.ABSENT)) {
        lost.add("ref " + each.getKey() + " is not there, must lead to " + each.getValue());
      }
    }
  }

  private static void read(VerifiedStore objects, Digest digest) throws IOException {
    try (VerifiedReader reader = objects.open(digest)) {
      reader.readAll(OBJECT_MAX);
    }
  }

  /** What was in flight is done again, and a collection removes what the crash left. */
  List<String> heal(Path path, Random random) throws IOException {
    try (Repository repository = open(path);
        ReadOnlyObjectStore source =
            ReadOnlyObjectStore.open(platform, pool.objects(), HashAlgorithm.SHA256)) {
      Path tree = pool.plant("again", random);
      try (Transaction again = repository.begin()) {
        again.putImage(again.scan(tree, false, ScanOptions.defaults(), ScanProgress.NONE), "again");
        again.commit();
      }
      List<String> wrong = new ArrayList<>();
      if (repository.collect(RepositorySamples.GC).stopped()) {
        wrong.add("the collection was not sure");
      }
      repository
          .repair(FsckOptions.defaults(), source, Waiting.FOREVER)
          .failures()
          .forEach(wrong::add);
      repository.check(FsckOptions.defaults()).findings().forEach(each -> wrong.add(each.text()));
      repository.removeRef(Category.IMAGES, "again");
      return wrong;
    }
  }
}
