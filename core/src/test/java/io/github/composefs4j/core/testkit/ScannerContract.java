package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a scan does on every platform, on a Unix host. */
@Timeout(60)
public abstract class ScannerContract {
  private static final int THREADS = 4;

  @TempDir protected Path directory;

  private Path root;

  /** {@return the platform under test} */
  protected abstract Platform platform();

  @BeforeEach
  void makeRoot() throws IOException {
    root = Files.createDirectory(directory.resolve("root"));
  }

  private static ScanOptions options(int threads, boolean hardLinks) {
    return new ScanOptions(
        threads, HashAlgorithm.SHA256, ScanOptions.Xattrs.ALL, hardLinks, false, false);
  }

  private FileTree scan() throws IOException {
    return scan(platform(), options(THREADS, true), null);
  }

  private FileTree scan(Platform platform, ScanOptions options, @Nullable LocalObjectStore store)
      throws IOException {
    return Scanner.scan(platform, root, false, options, store, ScanProgress.NONE);
  }

  private static <T extends Inode> T find(FileTree tree, String path, Class<T> kind) {
    return kind.cast(Objects.requireNonNull(tree.find(path), path));
  }

  private Path write(String name, int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(name.hashCode()).nextBytes(bytes);
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, bytes);
  }

  private void writeMany() throws IOException {
    for (int i = 0; i < 400; i++) {
      write("d" + i % 7 + "/e" + i % 3 + "/f" + i, i * 37 % 5000);
    }
    write("large", 3_000_000);
    Files.createLink(root.resolve("d3/link"), root.resolve("large"));
    Files.createLink(root.resolve("alink"), root.resolve("d0/e0/f0"));
  }

  @Test
  void takesEveryKind() throws Exception {
    write("empty", 0);
    write("inline", 64);
    Path external = write("external", 65);
    Files.setPosixFilePermissions(external, PosixFilePermissions.fromString("r-x-w---x"));
    Files.setLastModifiedTime(external, FileTime.from(Instant.ofEpochSecond(12, 345_678_901)));
    Files.createSymbolicLink(root.resolve("symlink"), Path.of("../no/where"));
    Files.createDirectories(root.resolve("sub/empty"));
    Tools.require("mkfifo");
    Tools.run(List.of("mkfifo", root.resolve("fifo").toString()));
    FileTree tree = scan();
    assertThat(tree.entries()).isEqualTo(7);
    assertThat(find(tree, "empty", RegularFile.class).size()).isZero();
    assertThat(find(tree, "inline", RegularFile.class).inlineBytes())
        .isEqualTo(Files.readAllBytes(root.resolve("inline")));
    RegularFile file = find(tree, "external", RegularFile.class);
    assertThat(file.digest())
        .isEqualTo(VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(external)));
    assertThat(file.mode()).isEqualTo(0100521);
    assertThat(file.mtimeSeconds()).isEqualTo(12);
    assertThat(file.mtimeNanos()).isEqualTo(345_678_901);
    assertThat(find(tree, "symlink", Symlink.class).target())
        .isEqualTo("../no/where".getBytes(StandardCharsets.US_ASCII));
    assertThat(find(tree, "sub/empty", Directory.class).size()).isZero();
    assertThat(find(tree, "fifo", Fifo.class).nlink()).isEqualTo(1);
  }

  @Test
  void theNumberOfThreadsDoesNotMatter() throws IOException {
    writeMany();
    String expected = TestImages.dump(scan(platform(), options(1, true), null));
    assertThat(expected).contains("large", "alink");
    for (int threads : new int[] {2, 3, 8}) {
      assertThat(TestImages.dump(scan(platform(), options(threads, true), null)))
          .isEqualTo(expected);
    }
    try (LocalObjectStore store =
        LocalObjectStore.open(platform(), directory.resolve("store"), HashAlgorithm.SHA256)) {
      assertThat(TestImages.dump(scan(platform(), options(4, true), store))).isEqualTo(expected);
    }
  }

  /** Batches with much to read are divided among the readers, and divided again. */
  @Test
  void readersShareWhatIsMuch() throws IOException {
    for (int i = 0; i < 200; i++) {
      write("d" + i % 50 + "/f" + i, 40_000);
    }
    String expected = TestImages.dump(scan(platform(), options(1, true), null));
    for (int round = 0; round < 10; round++) {
      FaultyPlatform platform = new FaultyPlatform(platform());
      assertThat(TestImages.dump(scan(platform, options(8, true), null))).isEqualTo(expected);
      assertThat(platform.open()).as("handles left open").isZero();
    }
  }

  @Test
  void fillsAStore() throws IOException {
    writeMany();
    try (LocalObjectStore store =
        LocalObjectStore.open(platform(), directory.resolve("store"), HashAlgorithm.SHA256)) {
      FileTree tree = scan(platform(), options(THREADS, true), store);
      long stored = store.stored();
      assertThat(stored).isPositive();
      scan(platform(), options(THREADS, true), store);
      assertThat(store.stored()).isEqualTo(stored);
      RegularFile large = find(tree, "large", RegularFile.class);
      assertThat(store.contains(Objects.requireNonNull(large.digest()), 3_000_000)).isTrue();
    }
  }

  @Test
  void keepsHardLinks() throws IOException {
    Path file = write("m/file", 100);
    Files.createLink(root.resolve("z"), file);
    Files.createDirectory(root.resolve("a"));
    Files.createLink(root.resolve("a/first"), file);
    Files.createLink(directory.resolve("outside"), file);
    FileTree tree = scan();
    assertThat(tree.find("z")).isSameAs(tree.find("m/file")).isSameAs(tree.find("a/first"));
    assertThat(find(tree, "z", RegularFile.class).nlink()).as("names in the tree").isEqualTo(3);
    Directory first = find(tree, "a", Directory.class);
    assertThat(first.isLink(0)).as("first in name order").isFalse();
    FileTree apart = scan(platform(), options(THREADS, false), null);
    assertThat(apart.find("z")).isNotSameAs(apart.find("m/file"));
    assertThat(find(apart, "z", RegularFile.class).nlink()).isEqualTo(1);
    assertThat(apart.inodes()).isEqualTo(tree.inodes() + 2);
  }

  @Test
  void obeysTheOtherOptions() throws IOException {
    Path file = write("file", 10);
    Tools.require(Files.getFileStore(root).supportsFileAttributeView("user"), "user.* xattrs");
    Files.getFileAttributeView(file, UserDefinedFileAttributeView.class)
        .write("name", ByteBuffer.wrap(new byte[] {1, 2}));
    byte[] name = "user.name".getBytes(StandardCharsets.US_ASCII);
    for (ScanOptions.Xattrs which : ScanOptions.Xattrs.values()) {
      FileTree tree =
          scan(platform(), new ScanOptions(1, HashAlgorithm.SHA256, which, true, true, true), null);
      RegularFile scanned = find(tree, "file", RegularFile.class);
      assertThat(scanned.mtimeSeconds()).isZero();
      assertThat(scanned.xattrs().get(name))
          .isEqualTo(which == ScanOptions.Xattrs.NONE ? null : new byte[] {1, 2});
    }
  }

  @Test
  void seesHolesAsZeros() throws IOException {
    Path sparse = root.resolve("sparse");
    try (var channel =
        Files.newByteChannel(
            sparse,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.position(5_000_000).write(ByteBuffer.wrap(new byte[] {1}));
    }
    assertThat(find(scan(), "sparse", RegularFile.class).digest())
        .isEqualTo(VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(sparse)));
  }

  @Test
  void refusesWhatIsNoDirectory() throws IOException {
    write("file", 1);
    Files.createSymbolicLink(directory.resolve("link"), root);
    for (Path path : new Path[] {root.resolve("file"), directory.resolve("link")}) {
      assertThatThrownBy(() ->
              Scanner.scan(platform(), path, false, options(1, true), null, ScanProgress.NONE))
          .isInstanceOf(IOException.class);
    }
    assertThat(
            Scanner.scan(
                    platform(),
                    directory.resolve("link"),
                    true,
                    options(1, true),
                    null,
                    ScanProgress.NONE)
                .entries())
        .isEqualTo(1);
  }

  private void makeDeep(int depth) throws Exception {
    Tools.require("python3");
    Tools.run(
        List.of(
            "python3",
            "-c",
            "import os,sys\nos.chdir(sys.argv[1])\nfor i in range(int(sys.argv[2])):\n"
                + "  os.mkdir('d')\n"
                + "  if i % 16 == 0: open('f','w').write(str(i)); os.mkdir('z')\n"
                + "  os.chdir('d')",
            root.toString(),
            Integer.toString(depth)));
  }

  private void removeDeep() throws Exception {
    Tools.run(List.of("rm", "-rf", root.toString()));
  }

  @Test
  void scansAsDeepAsATreeMayBe() throws Exception {
    makeDeep(2048);
    try {
      if (seesLongPaths()) {
        assertThat(scan().directories()).isEqualTo(1 + 2048 + 2048 / 16);
      } else {
        assertRefusedInOneLine("File name too long");
      }
    } finally {
      removeDeep();
    }
  }

  @Test
  void refusesDeeperTrees() throws Exception {
    makeDeep(2049);
    try {
      assertRefusedInOneLine(seesLongPaths() ? "nested deeper than 2048" : "File name too long");
    } finally {
      removeDeep();
    }
  }

  private void assertRefusedInOneLine(String reason) {
    assertThatThrownBy(this::scan)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(reason)
        .message()
        .doesNotContain("\n");
  }

  /** {@return whether paths longer than PATH_MAX can be scanned} */
  protected boolean seesLongPaths() {
    return true;
  }

  /** Few file systems have room for that many on a file. */
  @Test
  void refusesXattrsBeyondTheBudget() throws IOException {
    Path file = write("sub/file", 10);
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void xattrs(HostDirectory.XattrSink sink) throws IOException {
            for (int i = 0; i < 9; i++) {
              sink.accept(("user.big" + i).getBytes(StandardCharsets.US_ASCII), new byte[4000]);
            }
          }
        };
    assertThatThrownBy(() -> scan(platform, options(THREADS, true), null))
        .isInstanceOf(InvalidTreeException.class)
        .hasMessageStartingWith(file + ": ");
    assertThat(platform.open()).isZero();
  }

  @Test
  void readErrorsTellThePath() throws IOException {
    Path file = write("sub/file", 1000);
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void reading(long position) throws IOException {
            throw new IOException("Input/output error");
          }
        };
    assertThatThrownBy(() -> scan(platform, options(THREADS, true), null))
        .hasMessage(file + ": Input/output error");
    assertThat(platform.open()).as("handles left open").isZero();
  }

  @Test
  void listErrorsTellThePath() throws IOException {
    write("sub/file", 1000);
    AtomicBoolean first = new AtomicBoolean(true);
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void listing() throws IOException {
            if (!first.getAndSet(false)) {
              throw new IOException("Input/output error");
            }
          }
        };
    assertThatThrownBy(() -> scan(platform, options(THREADS, true), null))
        .hasMessage(root.resolve("sub") + ": Input/output error");
    assertThat(platform.open()).isZero();
  }

  private interface Change {
    void run() throws IOException;
  }

  /** Scans while {@code change} happens as the first bytes of a file are read. */
  private void assertNoticed(Path named, Change change) {
    AtomicBoolean done = new AtomicBoolean();
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void reading(long position) throws IOException {
            if (!done.getAndSet(true)) {
              change.run();
            }
          }
        };
    assertThatThrownBy(() -> scan(platform, options(1, true), null))
        .isInstanceOf(SourceChangedException.class)
        .hasMessageStartingWith(named + ": ");
    assertThat(platform.open()).isZero();
  }

  @Test
  void noticesAFileThatGrows() throws IOException {
    Path file = write("sub/file", 1000);
    assertNoticed(file, () -> Files.write(file, new byte[1], StandardOpenOption.APPEND));
  }

  @Test
  void noticesAFileThatIsTruncated() throws IOException {
    Path file = write("sub/file", 3_000_000);
    assertNoticed(file, () -> Files.write(file, new byte[100]));
  }

  @Test
  void noticesASmallFileThatIsRewritten() throws Exception {
    Path file = write("sub/file", 50);
    Files.setLastModifiedTime(file, FileTime.fromMillis(1000));
    assertNoticed(file, () -> Files.write(file, new byte[50]));
  }

  @Test
  void noticesAFileThatVanishes() throws IOException {
    write("a", 1000);
    for (int i = 0; i < 300; i++) {
      write("b" + i, 100);
    }
    // Old enough that a change now cannot fall into the same tick of the clock.
    Files.setLastModifiedTime(root, FileTime.fromMillis(1000));
    AtomicBoolean done = new AtomicBoolean();
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void reading(long position) throws IOException {
            if (!done.getAndSet(true)) {
              Files.delete(root.resolve("b99"));
            }
          }
        };
    assertThatThrownBy(() -> scan(platform, options(1, true), null))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(root.toString());
    assertThat(platform.open()).isZero();
  }

  @Test
  void canBeInterrupted() throws Exception {
    writeMany();
    Thread caller = Thread.currentThread();
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected void listing() {
            caller.interrupt();
          }
        };
    try {
      assertThatThrownBy(() -> scan(platform, options(2, true), null))
          .isInstanceOf(InterruptedIOException.class);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(platform.open()).isZero();
  }

  @Test
  void tellsHowFarItIs() throws IOException {
    writeMany();
    long[] last = new long[2];
    Scanner.scan(
        platform(),
        root,
        false,
        options(THREADS, true),
        null,
        (entries, bytes) -> {
          last[0] = Math.max(last[0], entries);
          last[1] = Math.max(last[1], bytes);
        });
    assertThat(last[0]).isEqualTo(scan().entries());
    assertThat(last[1]).isGreaterThan(3_000_000);
  }

  @Test
  void aMissingRootIsAnError() throws IOException {
    Files.delete(root);
    assertThatThrownBy(this::scan)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(root.toString())
        .satisfies(e ->
            assertThat(e).isInstanceOfAny(NoSuchFileException.class, ComposefsException.class));
  }
}
