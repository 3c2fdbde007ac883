package io.github.composefs4j.tests;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.VerifiedStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.LinuxPlatform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** A process that imports, tags, verifies and untags: {@code REPOSITORY WORK SEED SECONDS}. */
final class RepositoryUser {
  /** Also where starting took all the time: so many that surely something is collected. */
  private static final int LEAST = 5;

  private RepositoryUser() {}

  public static void main(String[] args) throws Exception {
    Path work = Files.createDirectories(Path.of(args[1]));
    Random random = new Random(Long.parseLong(args[2]));
    long end = System.nanoTime() + Long.parseLong(args[3]) * 1_000_000_000;
    LinuxPlatform platform = new LinuxPlatform();
    int rounds = 0;
    long longest = 0;
    try (Repository repository = Repository.open(platform, Path.of(args[0]), OpenOptions.DEFAULT)) {
      for (; rounds < LEAST || System.nanoTime() < end; rounds++) {
        for (int i = 0; i < 30; i++) {
          // Few contents, so that processes store and collect the same objects all the time.
          Files.writeString(
              work.resolve("f" + i), ("content " + random.nextInt(1500) + " ").repeat(50));
        }
        String ref = "user" + args[2] + "/" + random.nextInt(3);
        long begun = System.nanoTime();
        try (Transaction transaction = repository.begin()) {
          longest = Math.max(longest, System.nanoTime() - begun);
          FileTree tree = transaction.scan(work, false, ScanOptions.defaults(), ScanProgress.NONE);
          transaction.putImage(tree, ref);
          transaction.commit();
        }
        verify(repository, "refs/" + ref);
        if (random.nextInt(3) > 0) {
          repository.removeRef(Category.IMAGES, ref);
        }
      }
    }
    System.out.println(rounds + " rounds, longest wait " + longest / 1_000_000 + " ms");
  }

  private static void verify(Repository repository, String ref) throws Exception {
    VerifiedStore objects = new VerifiedStore(repository.objects());
    try (Repository.Hold _ = repository.hold()) {
      try (ErofsImage image = repository.openImage(ref)) {
        image.check();
      }
      for (Digest object : repository.imageObjects(ref)) {
        try (VerifiedReader reader = objects.open(object)) {
          reader.readAll(1 << 20);
        }
      }
    }
  }
}
