package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectSource;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an object directory does on every platform (dump-format.md 14 and 16). */
public abstract class ObjectStoreContract {
  /** Below and above the size up to which files are read whole. */
  private static final int LARGE = 3_000_001;

  @TempDir protected Path directory;

  /** {@return the platform under test} */
  protected abstract Platform platform();

  private Path store() {
    return directory.resolve("store");
  }

  private static byte[] bytes(int size, int seed) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private Path path(Digest digest) {
    return store().resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  private Digest put(Platform platform, byte[] content) throws IOException {
    return put(platform, content, content.length);
  }

  private Digest put(Platform platform, byte[] content, long expectedSize) throws IOException {
    Files.write(directory.resolve("source"), content);
    try (LocalObjectStore store = LocalObjectStore.open(platform, store(), HashAlgorithm.SHA256);
        HostDirectory open = platform.openDirectory(directory, false);
        HostFile file = open.openFile("source".getBytes(StandardCharsets.US_ASCII))) {
      Digest digest =
          store.put(
              new ObjectSource(file, expectedSize, () -> "the/source"),
              new ObjectWorker(HashAlgorithm.SHA256));
      store.sync();
      return digest;
    }
  }

  private List<String> files() throws IOException {
    if (!Files.exists(store())) {
      return List.of();
    }
    try (var all = Files.walk(store())) {
      return all.filter(path -> !Files.isDirectory(path))
          .map(path -> store().relativize(path).toString())
          .toList();
    }
  }

  private void assertHolds(Digest digest, byte[] content) throws IOException {
    assertThat(digest).isEqualTo(VerityHasher.digest(HashAlgorithm.SHA256, content));
    assertThat(path(digest)).hasBinaryContent(content);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path(digest))))
        .isEqualTo("rw-r--r--");
  }

  @ParameterizedTest
  @ValueSource(ints = {65, 4096, 1 << 20, (1 << 20) + 1, LARGE})
  void storesUnderTheDigest(int size) throws IOException {
    byte[] content = bytes(size, size);
    Digest digest = put(platform(), content);
    assertHolds(digest, content);
    assertThat(put(platform(), content)).isEqualTo(digest);
    assertThat(files()).hasSize(1);
  }

  @Test
  void makesNothingBeforeThereIsAnObject() throws IOException {
    Platform platform = platform();
    Path deep = directory.resolve("no/such/store");
    byte[] content = bytes(10_000, 3);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
    try (LocalObjectStore store = LocalObjectStore.open(platform, deep, HashAlgorithm.SHA256)) {
      assertThat(store.contains(digest, 10_000)).isFalse();
      assertThat(store.present(List.of(digest)).cardinality()).isZero();
      assertThatThrownBy(() -> store.open(digest)).isInstanceOf(MissingObjectException.class);
      store.sync();
      assertThat(directory.resolve("no")).doesNotExist();
      try (LocalObjectStore other = LocalObjectStore.open(platform, deep, HashAlgorithm.SHA256)) {
        other.put(content, new ObjectWorker(HashAlgorithm.SHA256));
      }
      assertThat(store.contains(digest, 10_000)).as("made by another").isTrue();
      store.open(digest).close();
    }
    Path file = Files.writeString(directory.resolve("file"), "");
    assertThatThrownBy(() -> LocalObjectStore.open(platform, file, HashAlgorithm.SHA256).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString());
  }

  @Test
  void opensWhatIsPresentAndSaysWhatIsMissing() throws IOException {
    byte[] content = bytes(10_000, 3);
    Digest digest = put(platform(), content);
    Digest other = VerityHasher.digest(HashAlgorithm.SHA256, bytes(10_000, 4));
    try (ObjectStore store = LocalObjectStore.open(platform(), store(), HashAlgorithm.SHA256)) {
      assertThat(store.present(List.of(other, digest, other)).toString()).isEqualTo("{1}");
      assertThat(store.directory()).contains(store());
      try (ObjectReader reader = store.open(digest)) {
        byte[] read = new byte[5_100];
        assertThat(reader.size()).isEqualTo(10_000);
        assertThat(reader.read(5_000, read, 100, 5_000)).isEqualTo(5_000);
        assertThat(Arrays.copyOfRange(read, 100, 5_100))
            .isEqualTo(Arrays.copyOfRange(content, 5_000, 10_000));
        assertThat(reader.read(9_999, read, 0, 100)).isEqualTo(1);
        assertThat(reader.read(10_000, read, 0, 100)).isZero();
      }
      assertThatThrownBy(() -> store.open(other))
          .isInstanceOf(MissingObjectException.class)
          .hasMessageContaining(other.hex());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void twiceIsOnce(int size) throws IOException {
    Platform platform = platform();
    Files.write(directory.resolve("source"), bytes(size, 1));
    try (LocalObjectStore store = LocalObjectStore.open(platform, store(), HashAlgorithm.SHA256);
        HostDirectory open = platform.openDirectory(directory, false);
        HostFile file = open.openFile("source".getBytes(StandardCharsets.US_ASCII))) {
      ObjectWorker worker = new ObjectWorker(HashAlgorithm.SHA256);
      for (int i = 0; i < 5; i++) {
        Digest digest = store.put(new ObjectSource(file, size, () -> "source"), worker);
        assertThat(store.contains(digest, size)).isTrue();
        assertThat(store.contains(digest, size + 1)).isFalse();
      }
      assertThat(store.stored()).isEqualTo(1);
      assertThat(store.present()).isEqualTo(4);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void replacesWhatHasAnotherSizeOrIsNoFile(int size) throws IOException {
    byte[] content = bytes(size, 2);
    Path object = path(VerityHasher.digest(HashAlgorithm.SHA256, content));
    Files.createDirectories(object.getParent());
    Files.writeString(object, "");
    assertHolds(put(platform(), content), content);
    Files.delete(object);
    Files.createSymbolicLink(object, Path.of("nowhere"));
    assertHolds(put(platform(), content), content);
    assertThat(object).isRegularFile();
    assertThat(Files.isSymbolicLink(object)).isFalse();
    assertThat(files()).hasSize(1);
  }

  @Test
  void trustsWhatHasTheRightSize() throws IOException {
    byte[] content = bytes(100, 3);
    Path object = path(VerityHasher.digest(HashAlgorithm.SHA256, content));
    Files.createDirectories(object.getParent());
    Files.write(object, bytes(100, 4));
    put(platform(), content);
    assertThat(object).hasBinaryContent(bytes(100, 4));
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void refusesADirectoryInAnObjectsPlace(int size) throws IOException {
    byte[] content = bytes(size, 5);
    Path object = path(VerityHasher.digest(HashAlgorithm.SHA256, content));
    Files.createDirectories(object);
    assertThatThrownBy(() -> put(platform(), content))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("directory")
        .hasMessageContaining(VerityHasher.digest(HashAlgorithm.SHA256, content).hex());
    assertThat(object).isEmptyDirectory();
    assertThat(files()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void refusesASourceOfAnotherSize(int size) {
    for (int off : new int[] {-1, 1, 50}) {
      assertThatThrownBy(() -> put(platform(), bytes(size, 6), size + off))
          .isInstanceOf(SourceChangedException.class)
          .hasMessageStartingWith("the/source: ");
    }
    assertThat(store()).satisfies(_ -> assertThat(files()).isEmpty());
  }

  @Test
  void aFullDiskLeavesNothing() {
    for (int size : new int[] {100, LARGE}) {
      FaultyPlatform platform =
          new FaultyPlatform(platform()) {
            @Override
            protected void writing() throws IOException {
              throw new IOException("No space left on device");
            }
          };
      assertThatThrownBy(() -> put(platform, bytes(size, 7))).hasMessageContaining("No space left");
      assertThat(platform.open()).isZero();
      assertThat(store()).satisfies(_ -> assertThat(files()).isEmpty());
    }
  }

  /** What a copy inside the kernel left before it failed must not become part of an object. */
  @Test
  void aCopyGivenUpHalfWayLeavesNoTrace() throws IOException {
    byte[] content = bytes(LARGE, 8);
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected boolean copyRange(
              StoreDirectory.TemporaryFile temporary, HostFile source, long length)
              throws IOException {
            temporary.write(bytes(1000, 9), 0, 1000);
            return false;
          }
        };
    assertHolds(put(platform, content), content);
    assertThat(platform.open()).isZero();
  }

  /** Between reading and cloning a source may have changed. */
  @ParameterizedTest
  @ValueSource(ints = {10_000, LARGE})
  void aCloneOfOtherBytesIsNoObjectOfTheOldName(int size) throws IOException {
    byte[] content = bytes(size, 11);
    byte[] changed = bytes(size, 12);
    FaultyPlatform platform =
        new FaultyPlatform(platform()) {
          @Override
          protected boolean clone(StoreDirectory.TemporaryFile temporary, HostFile source)
              throws IOException {
            temporary.write(changed, 0, size);
            return true;
          }
        };
    try {
      assertHolds(put(platform, content), changed);
    } catch (SourceChangedException e) {
      assertThat(e).hasMessageStartingWith("the/source: ");
      assertThat(files()).isEmpty();
    }
    assertThat(platform.open()).isZero();
  }

  @Test
  void readErrorsNameTheSource() {
    for (int size : new int[] {100, LARGE}) {
      FaultyPlatform platform =
          new FaultyPlatform(platform()) {
            @Override
            protected void reading(long position) throws IOException {
              throw new IOException("Input/output error");
            }
          };
      assertThatThrownBy(() -> put(platform, bytes(size, 10)))
          .hasMessage("the/source: Input/output error");
      assertThat(platform.open()).isZero();
    }
  }

  @Test
  void threadsMayPutTheSame() throws Exception {
    Platform platform = platform();
    List<byte[]> contents = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      contents.add(bytes(i < 18 ? 1000 + i : LARGE + i, i));
      Files.write(directory.resolve("s" + i), contents.get(i));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(8);
        LocalObjectStore store = LocalObjectStore.open(platform, store(), HashAlgorithm.SHA256)) {
      List<Future<?>> done = new ArrayList<>();
      for (int thread = 0; thread < 8; thread++) {
        done.add(
            threads.submit(() -> {
              ObjectWorker worker = new ObjectWorker(HashAlgorithm.SHA256);
              try (HostDirectory open = platform.openDirectory(directory, false)) {
                for (int i = 0; i < contents.size(); i++) {
                  String name = "s" + i;
                  try (HostFile file = open.openFile(name.getBytes(StandardCharsets.US_ASCII))) {
                    store.put(new ObjectSource(file, contents.get(i).length, () -> name), worker);
                  }
                }
              }
              return null;
            }));
      }
      for (Future<?> each : done) {
        each.get();
      }
      assertThat(store.stored() + store.present()).isEqualTo(8L * contents.size());
    }
    assertThat(files()).hasSize(contents.size());
    for (byte[] content : contents) {
      assertHolds(VerityHasher.digest(HashAlgorithm.SHA256, content), content);
    }
  }
}
