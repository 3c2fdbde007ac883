package io.github.composefs4j.bench;

import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Fills a repository for {@code bench/repository-speed}: objects of one line each, and images that
 * have each object in common with three others. Nothing is synced.
 */
public final class LargeRepository {
  private static final int SHARED_BY = 4;
  private static final int DIRECTORY = 100;
  private static final Stat DIRECTORY_STAT = new Stat(0755, 2, 0, 0, 0, 0);
  private static final Stat FILE_STAT = new Stat(0644, 1, 0, 0, 0, 0);

  private LargeRepository() {}

  /** Arguments: a repository that was just made, how many objects, how many images. */
  public static void main(String[] args) throws Exception {
    int objects = Integer.parseInt(args[1]);
    int images = Integer.parseInt(args[2]);
    OpenOptions relaxed = OpenOptions.DEFAULT.withDurability(OpenOptions.Durability.RELAXED);
    try (Repository repository = Repository.open(Platform.best(), Path.of(args[0]), relaxed);
        Transaction transaction = repository.begin()) {
      Digest[] digests = new Digest[objects];
      store(transaction, repository, digests);
      int step = objects / images;
      for (int image = 0; image < images; image++) {
        transaction.putImage(tree(digests, image * step, SHARED_BY * step), "image" + image);
      }
      transaction.commit();
    }
  }

  private static void store(Transaction transaction, Repository repository, Digest[] digests)
      throws Exception {
    int threads = Runtime.getRuntime().availableProcessors();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> parts = new ArrayList<>();
      for (int part = 0; part < threads; part++) {
        int first = part;
        Callable<Void> work =
            () -> {
              ObjectWorker worker = new ObjectWorker(repository.algorithm());
              for (int i = first; i < digests.length; i += threads) {
                byte[] line = ("This is object number " + i + ".\n").getBytes(StandardCharsets.UTF_8);
                digests[i] = transaction.objects().put(line, worker);
              }
              return null;
            };
        parts.add(pool.submit(work));
      }
      for (Future<?> part : parts) {
        part.get();
      }
    }
  }

  private static FileTree tree(Digest[] digests, int start, int files) throws Exception {
    Directory root = new Directory(DIRECTORY_STAT, XattrSet.EMPTY);
    Directory last = root;
    for (int i = 0; i < files; i++) {
      if (i % DIRECTORY == 0) {
        last = new Directory(DIRECTORY_STAT, XattrSet.EMPTY);
        root.add(name("d", i / DIRECTORY), last);
      }
      Digest digest = digests[(start + i) % digests.length];
      last.add(name("f", i), RegularFile.external(FILE_STAT, XattrSet.EMPTY, 100, digest));
    }
    return FileTree.of(root);
  }

  private static byte[] name(String prefix, int number) {
    return (prefix + number).getBytes(StandardCharsets.UTF_8);
  }
}
