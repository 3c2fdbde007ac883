package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A source that another process changes is an error that names it, or what was stored is right. */
class ChangingSourceTest {
  private static final int SCANS = Integer.getInteger("test.scans", 60);

  /** Truncates, rewrites and renames, with breaks in which a scan may succeed. */
  private static final String CHANGER =
      """
      import os, random, sys, time
      os.chdir(sys.argv[1]); random.seed(1)
      def size(): return random.choice((10, 64, 65, 5000, 70000, 1200000))
      while True:
          for _ in range(random.randrange(1, 60)):
              name = 'f%d' % random.randrange(40)
              try:
                  what = random.randrange(4)
                  if what == 0: os.truncate(name, size())
                  elif what == 1:
                      with open(name, 'r+b') as f: f.write(os.urandom(size()))
                  elif what == 2: os.rename(name, 'f%d' % random.randrange(40))
                  else:
                      with open('new', 'wb') as f: f.write(os.urandom(size()))
                      os.rename('new', name)
              except FileNotFoundError: pass
              time.sleep(random.choice((0, 0.0005, 0.002)))
          time.sleep(random.choice((0, 0.02, 0.2)))
      """;

  @TempDir Path directory;

  @Test
  @Timeout(300)
  void everyScanFailsNamingThePathOrVerifies() throws Exception {
    Requirements.program("python3");
    Path source = Files.createDirectory(directory.resolve("source"));
    for (int i = 0; i < 40; i++) {
      Files.write(source.resolve("f" + i), new byte[100 + 997 * i]);
    }
    Path store = directory.resolve("store");
    int failed = 0;
    int sound = 0;
    Process changer = new ProcessBuilder("python3", "-c", CHANGER, source.toString()).start();
    try {
      // However late the changer begins, and however slow it is, both outcomes come.
      for (int scan = 0; scan < SCANS || failed == 0 || sound == 0; scan++) {
        try (LocalObjectStore objects =
            LocalObjectStore.open(Platform.best(), store, HashAlgorithm.SHA256)) {
          FileTree tree =
              Scanner.scan(
                  Platform.best(),
                  source,
                  false,
                  ScanOptions.defaults(),
                  objects,
                  ScanProgress.NONE);
          assertStored(tree, store);
          sound++;
        } catch (ComposefsException e) {
          assertThat(e.getMessage()).startsWith(source.toString()).doesNotContain("\n");
          failed++;
        }
      }
      assertThat(changer.isAlive()).isTrue();
    } finally {
      changer.destroyForcibly().waitFor();
    }
    SharedStoreTest.assertSound(store);
    System.out.println(
        failed + sound + " scans of a changing source: " + failed + " failed, " + sound + " sound");
  }

  private static void assertStored(FileTree tree, Path store) throws Exception {
    for (Directory.Entry entry : tree.root().entries()) {
      if (entry.inode() instanceof RegularFile file && file.digest() != null) {
        byte[] path = Objects.requireNonNull(file.digest()).objectPath();
        Path object = store.resolve(new String(path, StandardCharsets.US_ASCII));
        assertThat(Files.size(object)).isEqualTo(file.size());
      }
    }
  }
}
