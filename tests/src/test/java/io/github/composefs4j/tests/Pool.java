package io.github.composefs4j.tests;

import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What workers share besides the repository: few contents, so that the same objects are stored and
 * collected all the time; these as objects, to repair from; and their logs.
 */
record Pool(Path directory) {
  private static final int SMALL = 60;
  private static final int MEDIUM = 20;
  private static final int LARGE = 6;

  /** More than the 64 MiB after which a store begins to write back. */
  private static final int NEW_FILES = 80;

  private static final int NEW_SIZE = 1 << 20;

  /** {@return a pool in a directory that is there, filled} */
  static Pool fill(Path directory) throws IOException {
    Pool pool = new Pool(directory);
    Files.createDirectory(pool.files());
    Random random = new Random(1);
    for (int i = 0; i < SMALL + MEDIUM + LARGE; i++) {
      int size =
          i < SMALL
              ? 65 + random.nextInt(20_000)
              : i < SMALL + MEDIUM
                  ? 50_000 + random.nextInt(300_000)
                  : 1_000_000 + random.nextInt(3_000_000);
      byte[] content = new byte[size];
      random.nextBytes(content);
      Files.write(pool.files().resolve("f" + i), content);
    }
    LinuxPlatform platform = new LinuxPlatform();
    try (LocalObjectStore store =
        LocalObjectStore.open(platform, pool.objects(), HashAlgorithm.SHA256)) {
      Scanner.scan(
          platform,
          pool.files(),
          false,
          ScanOptions.defaults(),
          store,
          null,
          null,
          ScanProgress.NONE);
    }
    return pool;
  }

  private Path files() {
    return directory.resolve("files");
  }

  /** {@return one of the smaller contents} */
  byte[] content(Random random) throws IOException {
    return Files.readAllBytes(files().resolve("f" + random.nextInt(SMALL + MEDIUM)));
  }

  Path objects() {
    return directory.resolve("objects");
  }

  Path log(String worker) {
    return directory.resolve(worker + ".log");
  }

  /**
   * {@return a directory with some of the contents, new for each call} Its files are links to
   * copies that this worker alone has: a further link changes a file's ctime.
   */
  Path plant(String worker, Random random) throws IOException {
    Path own = directory.resolve(worker + ".files");
    if (!Files.exists(own)) {
      Files.createDirectory(own);
      for (int i = 0; i < SMALL + MEDIUM + LARGE; i++) {
        Files.copy(files().resolve("f" + i), own.resolve("f" + i));
      }
    }
    Path tree = directory.resolve(worker + ".tree");
    if (Files.exists(tree)) {
      try (Stream<Path> old = Files.list(tree)) {
        for (Path path : old.toList()) {
          Files.delete(path);
        }
      }
    } else {
      Files.createDirectory(tree);
    }
    for (int i = 0; i < SMALL + MEDIUM + LARGE; i++) {
      if (random.nextInt(i < SMALL ? 3 : i < SMALL + MEDIUM ? 5 : 12) == 0) {
        Files.createLink(tree.resolve("n" + i), own.resolve("f" + i));
      }
    }
    // Never empty, and rarely the same as before.
    Files.createLink(tree.resolve("r" + random.nextInt()), own.resolve("f0"));
    return tree;
  }

  /** {@return a directory with contents that nobody has, 80 MiB of them} */
  Path plantNew(String worker, Random random) throws IOException {
    Path tree = Files.createDirectories(directory.resolve(worker + ".new"));
    byte[] content = new byte[NEW_SIZE];
    for (int i = 0; i < NEW_FILES; i++) {
      ByteBuffer.wrap(content).putLong(random.nextLong());
      Files.write(tree.resolve("n" + i), content);
    }
    return tree;
  }
}
