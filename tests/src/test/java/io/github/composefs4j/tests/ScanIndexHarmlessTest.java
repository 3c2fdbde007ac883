package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The index of scanned files never gives a wrong tree, whatever is done to files and objects
 * beneath it. {@code -Dtest.edits=N} does more.
 */
class ScanIndexHarmlessTest {
  private static final int EDITS = Integer.getInteger("test.edits", 60);
  private static final int FILES = 40;

  @TempDir Path directory;

  private final Platform platform = Platform.best();
  private final Random random = new Random(Long.getLong("test.seed", 3));
  private long hits;

  private Path tree() {
    return directory.resolve("tree");
  }

  private Path objects() {
    return directory.resolve("objects");
  }

  private FileTree scan(boolean indexed) throws IOException {
    ScanOptions options = ScanOptions.defaults();
    if (!indexed) {
      return Scanner.scan(platform, tree(), true, options, null, ScanProgress.NONE);
    }
    ScanIndex index = ScanIndex.load(directory.resolve("cache"), HashAlgorithm.SHA256);
    try (LocalObjectStore store =
        LocalObjectStore.open(platform, objects(), HashAlgorithm.SHA256)) {
      FileTree tree =
          Scanner.scan(platform, tree(), true, options, store, index, null, ScanProgress.NONE);
      index.save();
      hits += index.hits();
      return tree;
    }
  }

  private byte[] content(int size) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    return content;
  }

  private Path file() {
    return tree().resolve("f" + random.nextInt(FILES));
  }

  private List<Path> objectFiles() throws IOException {
    try (Stream<Path> files = Files.walk(objects())) {
      return new ArrayList<>(files.filter(Files::isRegularFile).toList());
    }
  }

  /** Other bytes, the same size and mtime; in place, or by a new file under the name. */
  private void edit(Path file) throws IOException {
    FileTime mtime = Files.getLastModifiedTime(file);
    byte[] content = content((int) Files.size(file));
    if (random.nextBoolean()) {
      Files.write(file, content, StandardOpenOption.WRITE);
    } else {
      Path other = Files.write(tree().resolveSibling("new"), content);
      Files.setLastModifiedTime(other, mtime);
      Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.setLastModifiedTime(file, mtime);
  }

  @Test
  void editsThatKeepSizeAndTimeNeverGiveAWrongTree() throws Exception {
    Files.createDirectory(tree());
    for (int i = 0; i < FILES; i++) {
      Files.write(tree().resolve("f" + i), content(i % 10 == 0 ? 2_000_000 : 100 + 37 * i));
    }
    Thread.sleep(2_100); // older than what the index takes for settled
    scan(true);
    for (int i = 0; i < EDITS; i++) {
      switch (random.nextInt(6)) {
        case 0 -> {
          Path one = file();
          Path other = file();
          Path between = tree().resolveSibling("between");
          Files.move(one, between);
          if (Files.exists(other)) {
            Files.move(other, one);
          }
          Files.move(between, other);
          if (!Files.exists(one)) {
            Files.write(one, content(500));
          }
        }
        case 1 -> {
          List<Path> all = objectFiles();
          for (int k = 0; k < 5 && !all.isEmpty(); k++) {
            Files.delete(all.remove(random.nextInt(all.size())));
          }
        }
        case 2 -> {
          List<Path> all = objectFiles();
          if (!all.isEmpty()) {
            Path cut = all.get(random.nextInt(all.size()));
            Files.write(cut, new byte[(int) (Files.size(cut) / 2)]);
          }
        }
        case 3 -> {
          edit(file());
          scan(true); // racy: read directly after the edit
          edit(file());
        }
        default -> edit(file());
      }
      if (random.nextInt(15) == 0) {
        Thread.sleep(2_100);
      }
      assertThat(TestImages.dump(scan(true)))
          .as("edit %d", i)
          .isEqualTo(TestImages.dump(scan(false)));
    }
    assertThat(hits).as("files that were not hashed").isGreaterThan(EDITS);
    String dump = TestImages.dump(scan(true));
    for (Path object : objectFiles()) {
      String name = "" + object.getParent().getFileName() + object.getFileName();
      if (!dump.contains(name)) {
        continue; // was cut when nobody needed it any more
      }
      byte[] content = Files.readAllBytes(object);
      assertThat(VerityHasher.digest(HashAlgorithm.SHA256, content).hex()).isEqualTo(name);
    }
  }
}
