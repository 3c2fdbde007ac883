package io.github.composefs4j.core.nio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ProviderNotFoundException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What the provider does beside showing a tree. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ComposefsFileSystemTest {
  private Path directory;
  private TreeSample sample;

  @BeforeAll
  void write(@TempDir Path temporary) {
    directory = temporary;
    sample = TreeSample.write(temporary, 10);
  }

  private FileSystem open(Object... env) throws IOException {
    Map<String, Object> map = new java.util.HashMap<>(Map.of("objects", sample.objects()));
    for (int i = 0; i < env.length; i += 2) {
      map.put((String) env[i], env[i + 1]);
    }
    return FileSystems.newFileSystem(sample.image(), map);
  }

  @Test
  void urisFindFileSystemsAndFiles() throws IOException {
    URI uri = URI.create("composefs:" + sample.image().toUri());
    assertThatThrownBy(() -> Path.of(uri)).isInstanceOf(FileSystemNotFoundException.class);
    try (FileSystem opened = FileSystems.newFileSystem(uri, Map.of("objects", sample.objects()));
        FileSystem byPath = open()) {
      assertThat(FileSystems.getFileSystem(uri)).isSameAs(opened);
      assertThat(byPath.getPath("/names").toUri()).isEqualTo(opened.getPath("/names").toUri());
      assertThatThrownBy(() -> FileSystems.newFileSystem(uri, Map.of()))
          .isInstanceOf(FileSystemAlreadyExistsException.class);
      for (Path each : Files.walk(opened.getPath("/names")).toList()) {
        assertThat(Path.of(each.toUri())).isEqualTo(each);
        assertThat(opened.getPath(each.toString())).isEqualTo(each);
        assertThat(Files.exists(Path.of(each.toUri()))).isTrue();
      }
      assertThat(Path.of(uri)).isEqualTo(opened.getPath("/"));
    }
    assertThatThrownBy(() -> FileSystems.getFileSystem(uri))
        .isInstanceOf(FileSystemNotFoundException.class);
    FileSystems.newFileSystem(uri, Map.of()).close();
  }

  @Test
  void otherFilesAreLeftToOthers() throws IOException {
    Path other = Files.write(directory.resolve("other"), new byte[5000]);
    assertThatThrownBy(() -> FileSystems.newFileSystem(other, Map.of()))
        .isInstanceOf(ProviderNotFoundException.class);
    Path cut =
        Files.write(
            directory.resolve("cut"), Arrays.copyOf(Files.readAllBytes(sample.image()), 4096));
    assertThatThrownBy(() -> FileSystems.newFileSystem(cut, Map.of()))
        .isInstanceOf(ComposefsException.class);
  }

  @Test
  void repositoriesSayTheirObjectsAndDigests() throws IOException {
    Path repository = directory.resolve("repository");
    Path object =
        repository
            .resolve("objects")
            .resolve(sample.digest().hex().substring(0, 2))
            .resolve(sample.digest().hex().substring(2));
    Files.createDirectories(object.getParent());
    Files.copy(sample.image(), object);
    Path name = Files.createDirectory(repository.resolve("images")).resolve("latest");
    Files.createSymbolicLink(name, name.getParent().relativize(object));
    try (FileSystem opened = FileSystems.newFileSystem(name, Map.of())) {
      assertThat(Files.readString(opened.getPath("/names/a.txt"))).isEqualTo("a.txt");
      assertThat(Files.getFileStore(opened.getPath("/")).getAttribute("composefs:digest"))
          .isEqualTo(sample.digest().hex());
      assertThatThrownBy(() -> Files.readAllBytes(opened.getPath("/sizes/4097")))
          .isInstanceOf(FileSystemException.class)
          .isNotInstanceOf(NoSuchFileException.class)
          .hasCauseInstanceOf(MissingObjectException.class);
    }
    byte[] damaged = Files.readAllBytes(object);
    damaged[damaged.length - 1] ^= 1;
    Files.write(object, damaged);
    assertThatThrownBy(() -> FileSystems.newFileSystem(name, Map.of()))
        .isInstanceOf(DigestMismatchException.class);
    FileSystems.newFileSystem(name, Map.of("verify", "off")).close();
  }

  @Test
  void settingsAreChecked() throws IOException {
    assertThatThrownBy(() -> open("digest", "00")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> open("verify", "perhaps"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> open("objects", 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> open("objects", directory.resolve("absent")))
        .isInstanceOf(NoSuchFileException.class);
    assertThatThrownBy(() -> open("digest", "00".repeat(32)))
        .isInstanceOf(DigestMismatchException.class);
    byte[] content = TreeSample.content(4097);
    try (LocalObjectStore store =
        LocalObjectStore.open(Platform.portable(), sample.objects(), HashAlgorithm.SHA256)) {
      Path empty = Files.createTempDirectory(directory, "empty");
      try (FileSystem opened = open("objects", List.of(empty, store))) {
        assertThat(Files.readAllBytes(opened.getPath("/sizes/4097"))).isEqualTo(content);
      }
      assertThat(store.present(List.of(VerityHasher.digest(HashAlgorithm.SHA256, content))).get(0))
          .isTrue();
    }
  }

  @Test
  void contentsComeOnce() throws IOException {
    try (FileSystem opened = open()) {
      Set<Object> digests = new HashSet<>();
      List<DistinctContent> all = ((ComposefsFileSystem) opened).contents().toList();
      for (DistinctContent content : all) {
        assertThat(Files.size(content.path())).isEqualTo(content.size());
        assertThat(digests.add(content.digest().orElseThrow())).isTrue();
        if (content.size() < 1 << 20) {
          assertThat(VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(content.path())))
              .isEqualTo(content.digest().get());
        }
      }
      Set<Object> expected = new HashSet<>();
      try (var walk = Files.walk(opened.getPath("/"))) {
        for (Path path : (Iterable<Path>) walk::iterator) {
          if (Files.isRegularFile(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)
              && Files.size(path) < 1 << 20) {
            expected.add(VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(path)));
          }
        }
      }
      assertThat(digests).containsAll(expected).hasSize(expected.size() + 1); // and the sparse one
    }
  }

  @Test
  void whatIsClosedStaysClosed() throws IOException {
    FileSystem opened = open();
    Path root = opened.getPath("/");
    FileChannel channel = FileChannel.open(root.resolve("sizes/4097"));
    SeekableByteChannel closed = Files.newByteChannel(root.resolve("sizes/1"));
    closed.close();
    assertThatThrownBy(() -> closed.read(ByteBuffer.allocate(1)))
        .isInstanceOf(ClosedChannelException.class);
    opened.close();
    opened.close();
    assertThat(opened.isOpen()).isFalse();
    assertThat(channel.isOpen()).isFalse();
    assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(1)))
        .isInstanceOf(ClosedChannelException.class);
    assertThatThrownBy(() -> Files.size(root)).isInstanceOf(ClosedFileSystemException.class);
    assertThatThrownBy(() -> Files.newDirectoryStream(root))
        .isInstanceOf(ClosedFileSystemException.class);
    assertThat(root.resolve("a").toString()).isEqualTo("/a");
  }

  @Test
  void anInterruptClosesOneChannelOnly() throws Exception {
    try (FileSystem opened = open()) {
      Path path = opened.getPath("/sizes/1000003");
      FileChannel channel = FileChannel.open(path);
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(1)))
          .isInstanceOf(ClosedByInterruptException.class);
      assertThat(Thread.interrupted()).isTrue();
      assertThat(channel.isOpen()).isFalse();
      assertThat(Files.readAllBytes(path)).isEqualTo(TreeSample.content(1_000_003));
    }
  }

  /** Opened without a digest, the image is read when it is needed, through one channel for all. */
  @Test
  void anInterruptedReaderOfTheImageDisturbsNobody() throws Exception {
    try (FileSystem opened = open()) {
      Thread.currentThread().interrupt();
      assertThat(Files.exists(opened.getPath("/names/a.txt"))).isTrue();
      assertThat(Thread.interrupted()).as("still to be seen").isTrue();
      try (Stream<Path> all = Files.walk(opened.getPath("/"))) {
        assertThat(all.count()).isEqualTo(sample.tree().entries() + 1);
      }
    }
  }

  @Test
  void whoVerifiesIsAsAsked() throws IOException {
    Path object;
    try (FileSystem opened = open()) {
      object = sample.object(VerityHasher.digest(HashAlgorithm.SHA256, TreeSample.content(4097)));
      assertThat(Files.readAllBytes(opened.getPath("/sizes/4097"))).hasSize(4097);
    }
    byte[] right = Files.readAllBytes(object);
    byte[] wrong = right.clone();
    wrong[4096] ^= 1;
    for (Object verify : new Object[] {"always", "open", Verification.OPEN, true}) {
      try (FileSystem opened = open("verify", verify)) {
        Path path = opened.getPath("/sizes/4097");
        Files.write(object, wrong);
        assertThatThrownBy(() -> Files.readAllBytes(path))
            .isInstanceOf(FileSystemException.class)
            .hasCauseInstanceOf(DigestMismatchException.class);
        Files.write(object, right);
        assertThat(Files.readAllBytes(path)).isEqualTo(right);
      }
    }
    try (FileSystem opened = open("verify", "open");
        FileChannel early = FileChannel.open(opened.getPath("/sizes/4097"))) {
      Files.write(object, wrong);
      ByteBuffer last = ByteBuffer.allocate(1);
      early.read(last, 4096);
      assertThat(last.get(0)).as("changed after the check").isEqualTo(wrong[4096]);
    }
    try (FileSystem opened = open("verify", Verification.OFF)) {
      assertThat(Files.readAllBytes(opened.getPath("/sizes/4097"))).isEqualTo(wrong);
    }
    Files.write(object, right);
    // Without the module linux, or fs-verity, the kernel holds nothing to a digest.
    try (FileSystem opened = open("verify", "kernel")) {
      assertThatThrownBy(() -> Files.readAllBytes(opened.getPath("/sizes/4097")))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("kernel");
      assertThat(Files.readAllBytes(opened.getPath("/sizes/64"))).hasSize(64);
    }
  }

  @Test
  void channelsAreReadOnly() throws IOException {
    try (FileSystem opened = open();
        FileChannel channel = FileChannel.open(opened.getPath("/sizes/4097"));
        Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> channel.write(ByteBuffer.allocate(1)))
          .isInstanceOf(NonWritableChannelException.class);
      assertThatThrownBy(() -> channel.truncate(0)).isInstanceOf(NonWritableChannelException.class);
      assertThatThrownBy(() -> channel.map(MapMode.READ_ONLY, 0, 10))
          .isInstanceOf(UnsupportedOperationException.class);
      assertThat(channel.map(MapMode.READ_ONLY, 10, 4000, arena).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(Arrays.copyOfRange(TreeSample.content(4097), 10, 4010));
      assertThat(channel.tryLock(0, 10, true).isShared()).isTrue();
      assertThatThrownBy(channel::tryLock).isInstanceOf(NonWritableChannelException.class);
    }
  }

  @Test
  void attributesAreReadByName() throws IOException {
    try (FileSystem opened = open()) {
      Path path = opened.getPath("/xattrs/capability");
      assertThat(Files.getAttribute(path, "xattr:security.capability"))
          .isEqualTo(TreeSample.CAPABILITY);
      assertThat(Files.readAttributes(opened.getPath("/xattrs/user"), "user:*").keySet())
          .containsExactly("a", "b");
      assertThat(Files.readAttributes(path, "unix:*").keySet())
          .containsAll(Files.readAttributes(directory, "unix:*").keySet());
      assertThat(Files.getOwner(opened.getPath("/kinds/char")).getName()).isEqualTo("1000");
      assertThat(opened.getUserPrincipalLookupService().lookupPrincipalByName("1000"))
          .isEqualTo(Files.getOwner(opened.getPath("/kinds/char")));
      assertThatThrownBy(() -> Files.getAttribute(path, "unix:x"))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> Files.getAttribute(path, "acl:x"))
          .isInstanceOf(UnsupportedOperationException.class);
      FileStore store = Files.getFileStore(path);
      assertThat(store.type()).isEqualTo("composefs");
      assertThat(store.isReadOnly()).isTrue();
      assertThat(store.getTotalSpace()).isEqualTo(Files.size(sample.image()));
    }
  }

  @Test
  void aWrongBlockSparesWhatIsBeforeIt() throws IOException {
    byte[] content = TreeSample.content(1_000_003);
    Path object = sample.object(VerityHasher.digest(HashAlgorithm.SHA256, content));
    byte[] damaged = content.clone();
    damaged[50 * 4096] ^= 1;
    try (FileSystem opened = open("verify", verifierWithoutCopies());
        FileChannel channel = FileChannel.open(opened.getPath("/sizes/1000003"))) {
      assertThat(channel.read(ByteBuffer.allocate(10))).isEqualTo(10);
      Files.write(object, damaged);
      ByteBuffer buffer = ByteBuffer.allocate(content.length);
      assertThat(channel.read(buffer, 100)).isEqualTo(50 * 4096 - 100);
      assertThat(Arrays.copyOf(buffer.array(), buffer.position()))
          .isEqualTo(Arrays.copyOfRange(content, 100, 50 * 4096));
      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(1), 50 * 4096))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("/sizes/1000003")
          .hasMessageContaining("block 50")
          .hasCauseInstanceOf(DigestMismatchException.class);
      assertThat(channel.read(ByteBuffer.allocate(1), 51 * 4096)).isEqualTo(1);
    } finally {
      Files.write(object, content);
    }
  }

  private static Object verifierWithoutCopies() {
    return new io.github.composefs4j.core.verified.Verifier(
        io.github.composefs4j.core.verified.VerifyOptions.defaults());
  }
}
