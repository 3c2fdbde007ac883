package io.github.composefs4j.bench;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.nio.ComposefsFileSystem;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** A walk over an image through {@code java.nio.file}, with the attributes of every inode. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class WalkBenchmark {
  /** Inodes of the image, the root included; a directory for every 25. */
  @Param("50000")
  public int inodes;

  private ComposefsFileSystem fileSystem;

  /** {@return a tree of so many inodes, of objects that are nowhere} */
  static FileTree tree(int inodes) throws IOException {
    Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
    Directory current = root;
    for (int i = 1; i < inodes; i++) {
      byte[] name = FileName.encode("name-of-entry-" + i);
      if (i % 25 == 1) {
        Directory next = new Directory(Stat.of(0755), XattrSet.EMPTY);
        (i % 100 == 1 ? root : current).add(name, next);
        current = next;
      } else {
        current.add(
            name,
            RegularFile.external(
                Stat.of(0644).withMtime(1_700_000_000 + i, i),
                XattrSet.EMPTY,
                1000 + i,
                VerityHasher.digest(HashAlgorithm.SHA256, name)));
      }
    }
    return FileTree.of(root);
  }

  @Setup
  public void open() throws IOException {
    ErofsImage image = TestImages.open(TestImages.write(tree(inodes), ImageOptions.DEFAULT));
    fileSystem = ComposefsFileSystem.of(image, new ImageContents(List.of(), null));
  }

  @TearDown
  public void close() throws IOException {
    fileSystem.close();
  }

  @Benchmark
  public long walk() throws IOException {
    try (Stream<Path> all = Files.walk(fileSystem.getPath("/"))) {
      return all.count();
    }
  }

  @Benchmark
  public long walkWithSizes() throws IOException {
    long total = 0;
    try (Stream<Path> all = Files.walk(fileSystem.getPath("/"))) {
      for (Path path : (Iterable<Path>) all::iterator) {
        total += Files.size(path);
      }
    }
    return total;
  }
}
