package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What changes and collections do to names, in which order, and what is left when they are cut off.
 */
public abstract class RepositoryCrashContract extends RepositoryFixture {
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
      assertSound(step);
      try (Repository repository = open()) {
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

  private void assertSound(int step) throws IOException {
    try (Repository repository = open()) {
      assertThat(repository.check(FsckOptions.defaults()).findings()).as("step " + step).isEmpty();
    }
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
      assertSound(step);
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
}
