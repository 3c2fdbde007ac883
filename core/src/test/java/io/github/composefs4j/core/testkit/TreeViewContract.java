package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What every view of an image shows, asked through {@code java.nio.file}: the NIO provider, FUSE in
 * each mode, the kernel's mount, and, to hold the suite itself to the truth, an extracted copy.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class TreeViewContract {
  private static final LinkOption NOFOLLOW = LinkOption.NOFOLLOW_LINKS;

  private Path directory;
  private TreeSample sample;
  private Path root;

  /** {@return the root of a view of the sample, which {@link #close} closes} */
  protected abstract Path open(TreeSample sample) throws Exception;

  /** Closes what {@link #open} opened. */
  protected abstract void close() throws Exception;

  /** {@return whether nothing can be written, as with all views but a copy} */
  protected boolean isReadOnly() {
    return true;
  }

  /** {@return how many entries the largest directory has} */
  protected int many() {
    return 100_000;
  }

  /**
   * {@return the extended attributes of a file of any kind, symlinks not followed, by full name in
   * the text form of {@link FileName#decode}} Those that {@link #showsXattr} denies may be missing.
   */
  protected Map<String, byte[]> xattrs(Path file) throws IOException {
    Map<String, byte[]> all = new TreeMap<>();
    if (!Files.isRegularFile(file, NOFOLLOW) && !Files.isDirectory(file, NOFOLLOW)) {
      return all;
    }
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class, NOFOLLOW);
    for (String name : view.list()) {
      ByteBuffer value = ByteBuffer.allocate(view.size(name));
      view.read(name, value);
      all.put("user." + name, value.array());
    }
    return all;
  }

  /** {@return whether {@link #xattrs} tells this attribute} */
  protected boolean showsXattr(String name) {
    return name.startsWith("user.");
  }

  /** {@return whether inodes of this kind are there: some need privileges to be made} */
  protected boolean showsKind(Inode inode) {
    return true;
  }

  @BeforeAll
  void openView(@TempDir Path temporary) throws Exception {
    directory = temporary;
    sample = TreeSample.write(directory, many());
    root = open(sample);
  }

  @AfterAll
  void closeView() throws Exception {
    close();
  }

  /** {@return the sample that the view is of} */
  protected TreeSample sample() {
    return sample;
  }

  /** {@return the root of the view} */
  protected Path root() {
    return root;
  }

  private Path at(String path) {
    return root.resolve(path);
  }

  private static Map<String, Path> children(Path parent) throws IOException {
    Map<String, Path> children = new TreeMap<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(parent)) {
      for (Path child : stream) {
        assertThat(child.getParent()).isEqualTo(parent);
        assertThat(children.put(FileName.decode(RawName.of(child)), child)).isNull();
      }
    }
    return children;
  }

  @Test
  void isTheSameTree() throws IOException {
    assertSame(sample.tree().root(), root);
  }

  private void assertSame(Directory expected, Path actual) throws IOException {
    Map<String, Path> children = children(actual);
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < expected.size(); i++) {
      String name = FileName.decode(expected.name(i));
      Inode inode = expected.child(i);
      if (!showsKind(inode)) {
        continue;
      }
      names.add(name);
      Path child = children.get(name);
      assertThat(child).as(name).isNotNull();
      assertSame(inode, child);
      if (inode instanceof Directory below) {
        assertSame(below, child);
      }
    }
    assertThat(children.keySet()).isEqualTo(names);
  }

  private void assertSame(Inode expected, Path actual) throws IOException {
    Map<String, Object> found =
        Files.readAttributes(
            actual, "unix:mode,nlink,uid,gid,rdev,size,lastModifiedTime,ctime", NOFOLLOW);
    assertThat(found.get("mode")).as("mode of %s", actual).isEqualTo(expected.mode());
    assertThat(found.get("uid")).as("uid of %s", actual).isEqualTo(expected.uid());
    assertThat(found.get("gid")).as("gid of %s", actual).isEqualTo(expected.gid());
    assertThat(found.get("lastModifiedTime"))
        .as("mtime of %s", actual)
        .isEqualTo(
            FileTime.from(Instant.ofEpochSecond(expected.mtimeSeconds(), expected.mtimeNanos())));
    switch (expected) {
      case Device device ->
          assertThat(found.get("rdev"))
              .as("rdev of %s", actual)
              .isEqualTo(Integer.toUnsignedLong(device.rdev()));
      case RegularFile file -> {
        assertThat(found.get("size")).as("size of %s", actual).isEqualTo(file.size());
        assertThat(found.get("nlink")).as("links of %s", actual).isEqualTo(file.nlink());
      }
      case Symlink symlink -> {
        assertThat(found.get("size")).isEqualTo((long) symlink.target().length);
        String target = Files.readSymbolicLink(actual).toString();
        if (!actual.getFileSystem().provider().getScheme().equals("file")) {
          assertThat(target).isEqualTo(FileName.decode(symlink.target()).replaceAll("/$", ""));
        }
      }
      default -> {}
    }
    Map<String, byte[]> xattrs = xattrs(actual);
    Map<String, byte[]> wanted = new TreeMap<>();
    for (XattrSet.Cursor c = expected.xattrs().cursor(); c.next(); ) {
      if (showsXattr(FileName.decode(c.name()))) {
        wanted.put(FileName.decode(c.name()), c.value());
      }
    }
    xattrs.keySet().removeIf(name -> !showsXattr(name));
    assertThat(xattrs.keySet()).as("xattrs of %s", actual).isEqualTo(wanted.keySet());
    wanted.forEach((name, value) -> assertThat(xattrs.get(name)).as(name).isEqualTo(value));
  }

  @Test
  void contentsAreThoseOfEverySize() throws IOException {
    for (int size : TreeSample.SIZES) {
      Path file = at("sizes/" + size);
      byte[] content = TreeSample.content(size);
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
      assertThat(Files.size(file)).isEqualTo(size);
      try (SeekableByteChannel channel = Files.newByteChannel(file)) {
        assertThat(channel.size()).isEqualTo(size);
        assertThat(channel.position(size).read(ByteBuffer.allocate(10))).isEqualTo(-1);
        assertThat(channel.position(size + 100L).read(ByteBuffer.allocate(10))).isEqualTo(-1);
        assertThat(channel.position()).isEqualTo(size + 100L);
      }
    }
  }

  @Test
  void sparseFilesAreReadAtAnyPosition() throws IOException {
    try (FileChannel channel = FileChannel.open(at("sizes/sparse"))) {
      assertThat(channel.size()).isEqualTo(TreeSample.SPARSE);
      byte[] block = TreeSample.content(4096);
      ByteBuffer buffer = ByteBuffer.allocate(6000);
      while (buffer.hasRemaining()
          && channel.read(buffer, TreeSample.DATA - 1000 + buffer.position()) > 0) {}
      byte[] expected = new byte[6000];
      System.arraycopy(block, 0, expected, 1000, 4096);
      assertThat(buffer.array()).isEqualTo(expected);
      buffer.clear();
      assertThat(channel.read(buffer, TreeSample.SPARSE - 10)).isEqualTo(10);
      assertThat(Arrays.copyOf(buffer.array(), 10)).isEqualTo(new byte[10]);
      assertThat(channel.read(buffer, TreeSample.SPARSE)).isEqualTo(-1);
    }
  }

  @Test
  void anyRangeIsRead() throws IOException {
    byte[] content = TreeSample.content(1_000_003);
    try (FileChannel channel = FileChannel.open(at("sizes/1000003"))) {
      Seeds.forEach(
          200,
          random -> {
            int from = random.nextInt(content.length);
            int length = random.nextInt(20_000);
            int end = Math.min(content.length, from + length);
            ByteBuffer buffer =
                random.nextBoolean()
                    ? ByteBuffer.allocate(length)
                    : ByteBuffer.allocateDirect(length);
            int read = 0;
            while (buffer.hasRemaining() && read >= 0) {
              read = channel.read(buffer, from + buffer.position());
            }
            byte[] found = new byte[buffer.flip().remaining()];
            buffer.get(found);
            assertThat(found).isEqualTo(Arrays.copyOfRange(content, from, end));
          });
      assertThat(channel.position()).isZero();
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      long sent = channel.transferTo(17, Long.MAX_VALUE, Channels.newChannel(out));
      assertThat(out.toByteArray())
          .isEqualTo(Arrays.copyOfRange(content, 17, 17 + (int) sent))
          .isNotEmpty();
      ByteBuffer[] parts = {ByteBuffer.allocate(10), ByteBuffer.allocate(20)};
      assertThat(channel.position(4090).read(parts)).isEqualTo(30);
      assertThat(parts[1].array()).isEqualTo(Arrays.copyOfRange(content, 4100, 4120));
      assertThat(channel.position()).isEqualTo(4120);
    }
  }

  @Test
  void manyThreadsReadAtOnce() throws Exception {
    byte[] content = TreeSample.content(1_000_003);
    try (FileChannel channel = FileChannel.open(at("sizes/1000003"));
        ExecutorService threads = Executors.newFixedThreadPool(16)) {
      List<Callable<Boolean>> tasks = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        Random random = new Random(i);
        tasks.add(() -> {
          for (int round = 0; round < 20; round++) {
            int from = random.nextInt(content.length - 5000);
            ByteBuffer buffer = ByteBuffer.allocate(5000);
            while (buffer.hasRemaining()) {
              channel.read(buffer, from + buffer.position());
            }
            if (!Arrays.equals(buffer.array(), Arrays.copyOfRange(content, from, from + 5000))) {
              return false;
            }
          }
          return true;
        });
      }
      for (Future<Boolean> task : threads.invokeAll(tasks)) {
        assertThat(task.get()).isTrue();
      }
    }
  }

  @Test
  void hardLinksAreOneFile() throws IOException {
    Path first = at("links/first");
    for (String name : List.of("links/second", "links/below/third", "links/up")) {
      assertThat(Files.isSameFile(first, at(name))).isTrue();
    }
    assertThat(Files.isSameFile(first, at("sizes/4097"))).isFalse();
    assertThat(key(at("links/second"))).isEqualTo(key(first));
    assertThat(key(at("links"))).isNotEqualTo(key(first));
  }

  private static Object key(Path path) throws IOException {
    return Files.readAttributes(path, java.nio.file.attribute.BasicFileAttributes.class).fileKey();
  }

  @Test
  void symlinksAreFollowedOnRequest() throws IOException {
    byte[] content = TreeSample.content(5000);
    for (String name : List.of("to-file", "up", "long", "chain-0", "chain-39")) {
      Path link = at("links").resolve(name);
      assertThat(Files.readAllBytes(link)).as(name).isEqualTo(content);
      assertThat(Files.isSymbolicLink(link)).isTrue();
      assertThat(Files.size(link)).isEqualTo(5000);
      assertThatThrownBy(
              () -> Files.newByteChannel(link, Set.of(StandardOpenOption.READ, NOFOLLOW)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("NOFOLLOW_LINKS");
    }
    assertThat(Files.readAllBytes(at("links/to-directory/third"))).isEqualTo(content);
    assertThat(at("links/to-directory/../chain-5").toRealPath())
        .isEqualTo(at("links/first").toRealPath());
    assertThat(Files.exists(at("links/nowhere"))).isFalse();
    assertThat(Files.exists(at("links/nowhere"), NOFOLLOW)).isTrue();
    assertThatThrownBy(() -> Files.readAllBytes(at("links/nowhere")))
        .isInstanceOf(NoSuchFileException.class);
    for (String loop : List.of("self", "ping", "chain-41", "self/x")) {
      assertThatThrownBy(() -> Files.newByteChannel(at("links").resolve(loop)))
          .as(loop)
          .isInstanceOf(FileSystemException.class)
          .isNotInstanceOf(NoSuchFileException.class);
      assertThat(Files.exists(at("links").resolve(loop))).isFalse();
    }
    assertThatThrownBy(() -> Files.newByteChannel(at("links/slash")))
        .isInstanceOf(FileSystemException.class)
        .isNotInstanceOf(NoSuchFileException.class);
  }

  @Test
  void loopsOfDirectoriesAreSeen() throws IOException {
    assertThatThrownBy(
            () -> {
              try (Stream<Path> all = Files.walk(at("links/loop"), FileVisitOption.FOLLOW_LINKS)) {
                all.forEach(_ -> {});
              }
            })
        .hasCauseInstanceOf(FileSystemLoopException.class);
    try (Stream<Path> all = Files.walk(at("links/loop"))) {
      assertThat(all).hasSize(2);
    }
  }

  @Test
  void exceptionsAreExact() {
    assertThatThrownBy(() -> Files.size(at("absent"))).isInstanceOf(NoSuchFileException.class);
    assertThatThrownBy(() -> Files.newByteChannel(at("absent")))
        .isInstanceOf(NoSuchFileException.class);
    assertThatThrownBy(() -> Files.newDirectoryStream(at("absent")))
        .isInstanceOf(NoSuchFileException.class);
    assertThatThrownBy(() -> Files.newDirectoryStream(at("sizes/1")))
        .isInstanceOf(NotDirectoryException.class);
    assertThatThrownBy(() -> Files.newByteChannel(at("sizes/1/x")))
        .isInstanceOf(FileSystemException.class)
        .isNotInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("Not a directory");
    assertThatThrownBy(() -> Files.newDirectoryStream(at("sizes/1/x")))
        .isInstanceOf(NotDirectoryException.class);
    assertThatThrownBy(() -> Files.size(at("sizes/1/x"))).isInstanceOf(FileSystemException.class);
    assertThatThrownBy(() -> Files.readSymbolicLink(at("sizes/1")))
        .isInstanceOf(NotLinkException.class);
    assertThatThrownBy(() -> Files.readAllBytes(at("sizes"))).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> Files.size(at("x".repeat(256))))
        .isInstanceOf(FileSystemException.class);
  }

  @Test
  void directoriesThatAreThereNeedNotBeMade() throws IOException {
    assertThat(Files.createDirectories(at("kinds/a/b"))).isEqualTo(at("kinds/a/b"));
    for (String there : List.of("kinds/a", "sizes/1", "links/nowhere")) {
      assertThatThrownBy(() -> Files.createDirectory(at(there)))
          .isInstanceOf(FileAlreadyExistsException.class);
    }
  }

  @Test
  void nothingIsWritten() {
    if (!isReadOnly()) {
      return;
    }
    Class<?>[] either = {IOException.class, ReadOnlyFileSystemException.class};
    assertThatThrownBy(() -> Files.createDirectory(at("new"))).isInstanceOfAny(either);
    assertThatThrownBy(() -> Files.write(at("new"), new byte[1])).isInstanceOfAny(either);
    assertThatThrownBy(() -> Files.write(at("sizes/1"), new byte[1])).isInstanceOfAny(either);
    assertThatThrownBy(() -> Files.delete(at("sizes/1"))).isInstanceOfAny(either);
    assertThatThrownBy(() -> Files.move(at("sizes/1"), at("sizes/2"))).isInstanceOfAny(either);
    assertThatThrownBy(() -> Files.setLastModifiedTime(at("sizes/1"), FileTime.fromMillis(0)))
        .isInstanceOfAny(either);
    assertThat(Files.isWritable(at("sizes/1"))).isFalse();
    assertThat(Files.exists(at("new"))).isFalse();
  }

  @Test
  void largeDirectoriesAreListedAndSearched() throws IOException {
    Path parent = at("many");
    Set<String> names = new HashSet<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(parent)) {
      stream.forEach(path -> names.add(path.getFileName().toString()));
    }
    assertThat(names).hasSize(sample.many());
    Random random = new Random(1);
    for (int i = 0; i < 1000; i++) {
      String name = TreeSample.manyName(random.nextInt(sample.many()));
      assertThat(names).contains(name);
      assertThat(Files.isRegularFile(parent.resolve(name), NOFOLLOW)).isTrue();
      assertThat(Files.exists(parent.resolve(name + "x"))).isFalse();
    }
  }

  @Test
  void walksMeetEverything() throws IOException {
    long expected = sample.tree().entries();
    try (Stream<Path> all = Files.walk(root)) {
      long missing = countHidden(sample.tree().root());
      assertThat(all.count()).isEqualTo(expected - missing + 1); // and the root
    }
    try (Stream<Path> found =
        Files.find(root, 3, (path, attributes) -> attributes.isSymbolicLink())) {
      assertThat(found.map(path -> root.relativize(path).toString()))
          .contains("links/self", "kinds/symlink")
          .allMatch(path -> path.startsWith("links/") || path.startsWith("kinds/"));
    }
  }

  private long countHidden(Directory parent) {
    long hidden = 0;
    for (int i = 0; i < parent.size(); i++) {
      Inode child = parent.child(i);
      hidden += showsKind(child) ? 0 : 1;
      hidden += child instanceof Directory below ? countHidden(below) : 0;
    }
    return hidden;
  }

  @Test
  void globsChoose() throws IOException {
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(at("names"), "*.{txt,md}")) {
      List<String> names = new ArrayList<>();
      stream.forEach(path -> names.add(path.getFileName().toString()));
      assertThat(names).containsExactlyInAnyOrder("a.txt", "b.txt");
    }
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(at("names"), "[!a-z]????")) {
      for (Path path : stream) {
        assertThat(path.getFileName().toString()).matches("(?s)[^a-z].{4}");
      }
    }
  }

  @Test
  void filesAreCopiedOut() throws IOException {
    Path copies = Files.createTempDirectory(directory, "copies");
    Path copy = Files.copy(at("sizes/1000003"), copies.resolve("copy"));
    assertThat(copy).hasBinaryContent(TreeSample.content(1_000_003));
    Path withTime =
        Files.copy(
            at("times/1.999999999"),
            copies.resolve("time"),
            java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
    assertThat(Files.getLastModifiedTime(withTime).toInstant())
        .isEqualTo(Instant.ofEpochSecond(1, 999_999_999));
  }
}
