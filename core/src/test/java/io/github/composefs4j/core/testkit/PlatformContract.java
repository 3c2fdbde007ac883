package io.github.composefs4j.core.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What every {@link Platform} does on a Unix host. */
public abstract class PlatformContract {
  @TempDir protected Path directory;

  private Platform platform;

  /** {@return the platform under test} */
  protected abstract Platform platform();

  @BeforeEach
  void makePlatform() {
    platform = platform();
  }

  private HostDirectory open() throws IOException {
    return platform.openDirectory(directory, false);
  }

  private static byte[] name(String name) {
    return name.getBytes(UTF_8);
  }

  private static Map<String, HostStat> list(HostDirectory open) throws IOException {
    Map<String, HostStat> entries = new HashMap<>();
    for (HostDirectory.Entry entry : open.list()) {
      HostStat stat = open.stat(entry.name());
      assertThat(entry.type()).isEqualTo(type(stat));
      assertThat(entries.put(new String(entry.name(), ISO_8859_1), stat)).isNull();
    }
    return entries;
  }

  private static int type(HostStat stat) {
    return stat.mode() & 0170000;
  }

  @Test
  void listsNamesAndStat() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "hello");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-x--x"));
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(77, 123_456_789)));
    Files.createDirectory(directory.resolve("sub"));
    Files.createSymbolicLink(directory.resolve("link"), Path.of("nowhere"));
    Files.createLink(directory.resolve("second"), file);
    try (HostDirectory open = open()) {
      Map<String, HostStat> entries = list(open);
      assertThat(entries).containsOnlyKeys("file", "sub", "link", "second");
      HostStat stat = entries.get("file");
      assertThat(stat.mode()).isEqualTo(0100751);
      assertThat(stat.nlink()).isEqualTo(2);
      assertThat(stat.size()).isEqualTo(5);
      assertThat(stat.mtimeSeconds()).isEqualTo(77);
      assertThat(stat.mtimeNanos()).isEqualTo(123_456_789);
      assertThat(stat.sameContent(entries.get("second"))).isTrue();
      assertThat(stat.sameContent(entries.get("sub"))).isFalse();
      assertThat(type(entries.get("sub"))).isEqualTo(0040000);
      assertThat(type(entries.get("link"))).isEqualTo(0120000);
      try (HostFile opened = open.openFile(name("file"))) {
        assertThat(opened.stat().sameContent(stat)).isTrue();
      }
    }
  }

  @Test
  void keepsTheBytesOfNames() throws IOException {
    byte[] odd = {'a', (byte) 0xff, (byte) 0xfe, 1, '%', '\n', (byte) 0xc3};
    Files.writeString(child(odd), "odd");
    byte[] other = name("ü€ a%20\\");
    Files.createDirectory(child(other));
    try (HostDirectory open = open()) {
      assertThat(list(open))
          .containsOnlyKeys(new String(odd, ISO_8859_1), new String(other, ISO_8859_1));
      try (HostFile file = open.openFile(odd)) {
        assertThat(read(file)).isEqualTo("odd");
      }
      open.openDirectory(other).close();
    }
  }

  private Path child(byte[] name) {
    StringBuilder uri = new StringBuilder(directory.toUri().toString());
    for (byte b : name) {
      uri.append('%').append(HexFormat.of().toHexDigits(b));
    }
    return Path.of(URI.create(uri.toString()));
  }

  private static String read(HostFile file) throws IOException {
    byte[] bytes = new byte[100];
    int count = file.read(0, bytes, 0, bytes.length);
    assertThat(file.read(count, bytes, 0, 1)).isZero();
    return new String(bytes, 0, count, UTF_8);
  }

  @Test
  void readsAtPositions() throws IOException {
    Files.writeString(directory.resolve("file"), "0123456789");
    try (HostDirectory open = open();
        HostFile file = open.openFile(name("file"))) {
      byte[] bytes = new byte[8];
      assertThat(file.read(7, bytes, 2, 6)).isEqualTo(3);
      assertThat(bytes).isEqualTo(new byte[] {0, 0, '7', '8', '9', 0, 0, 0});
      assertThat(file.read(10, bytes, 0, 8)).isZero();
      assertThat(file.read(1000, bytes, 0, 8)).isZero();
    }
  }

  @Test
  void neverFollowsLinks() throws IOException {
    Files.writeString(directory.resolve("file"), "x");
    Files.createDirectory(directory.resolve("sub"));
    Files.createSymbolicLink(directory.resolve("tofile"), Path.of("file"));
    Files.createSymbolicLink(directory.resolve("tosub"), Path.of("sub"));
    try (HostDirectory open = open()) {
      assertThatThrownBy(() -> open.openFile(name("tofile"))).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> open.openDirectory(name("tosub"))).isInstanceOf(IOException.class);
      assertThat(open.readLink(name("tosub"))).isEqualTo(name("sub"));
    }
    assertThatThrownBy(() -> platform.openDirectory(directory.resolve("tosub"), false))
        .isInstanceOf(IOException.class);
    try (HostDirectory followed = platform.openDirectory(directory.resolve("tosub"), true)) {
      assertThat(list(followed)).isEmpty();
    }
  }

  @Test
  void goesUp() throws IOException {
    Files.createDirectory(directory.resolve("sub"));
    try (HostDirectory open = open();
        HostDirectory sub = open.openDirectory(name("sub"));
        HostDirectory up = sub.openParent()) {
      assertThat(up.stat().ino()).isEqualTo(open.stat().ino());
      assertThat(list(up)).containsOnlyKeys("sub");
    }
  }

  @Test
  void keepsTheBytesOfLinkTargets() throws Exception {
    Tools.require("python3");
    Tools.run(
        List.of(
            "python3",
            "-c",
            "import os,sys; os.symlink(b'../\\xff\\xfe/x', os.fsencode(sys.argv[1]))",
            directory.resolve("link").toString()));
    try (HostDirectory open = open()) {
      assertThat(open.readLink(name("link")))
          .isEqualTo(new byte[] {'.', '.', '/', (byte) 0xff, (byte) 0xfe, '/', 'x'});
    }
  }

  @Test
  void failsOnWhatIsNotThere() throws IOException {
    Files.writeString(directory.resolve("file"), "x");
    try (HostDirectory open = open()) {
      assertThatThrownBy(() -> open.openFile(name("gone"))).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> open.openDirectory(name("gone"))).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> open.openDirectory(name("file"))).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> open.readLink(name("file"))).isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> platform.openDirectory(directory.resolve("gone"), false))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> platform.openDirectory(directory.resolve("file"), true))
        .isInstanceOf(IOException.class);
  }

  /** Opening it would wait for a writer; for its attributes, too. */
  @Test
  @Timeout(10)
  void readsTheXattrsOfAFifo() throws Exception {
    Tools.require("mkfifo");
    Tools.run(List.of("mkfifo", directory.resolve("fifo").toString()));
    try (HostDirectory open = open()) {
      assertThat(type(list(open).get("fifo"))).isEqualTo(0010000);
      XattrMap xattrs = new XattrMap();
      open.xattrs(name("fifo"), xattrs);
      assertThat(xattrs.map).isEmpty();
    }
  }

  @Test
  void readsUserXattrs() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    Tools.require(Files.getFileStore(directory).supportsFileAttributeView("user"), "user.* xattrs");
    view.write("one", ByteBuffer.wrap(new byte[] {0, (byte) 0xff, 7}));
    view.write("empty", ByteBuffer.allocate(0));
    try (HostDirectory open = open();
        HostFile handle = open.openFile(name("file"))) {
      XattrMap byName = new XattrMap();
      open.xattrs(name("file"), byName);
      assertThat(byName.map)
          .containsEntry("user.one", "[0, -1, 7]")
          .containsEntry("user.empty", "[]");
      XattrMap byHandle = new XattrMap();
      handle.xattrs(byHandle);
      assertThat(byHandle.map).isEqualTo(byName.map);
    }
  }

  private static final class XattrMap implements HostDirectory.XattrSink {
    final Map<String, String> map = new HashMap<>();

    @Override
    public void accept(byte[] name, byte[] value) {
      String text = new String(name, UTF_8);
      if (text.startsWith("user.")) {
        map.put(text, Arrays.toString(value));
      }
    }
  }

  @Test
  void publishesWholeFilesOnly() throws IOException {
    Path store = directory.resolve("a/b/store");
    try (StoreDirectory open = platform.openStore(store)) {
      assertThat(open.fileSize(name("ab/cd"))).isEqualTo(StoreDirectory.ABSENT);
      try (TemporaryFile temporary = open.create()) {
        temporary.write(name("--hello--"), 2, 5);
        temporary.write(name(" world"), 0, 6);
        byte[] back = new byte[20];
        assertThat(temporary.read(4, back, 0, 20)).isEqualTo(7);
        assertThat(store.resolve("ab")).doesNotExist();
        temporary.seal(HashAlgorithm.SHA256, false);
        assertThat(temporary.publish(name("ab/cd"), false)).isTrue();
      }
      Path file = store.resolve("ab/cd");
      assertThat(file).hasContent("hello world");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .isEqualTo("rw-r--r--");
      assertThat(open.fileSize(name("ab/cd"))).isEqualTo(11);
      assertThat(open.fileSize(name("ab"))).isEqualTo(StoreDirectory.NO_FILE);
      try (HostFile opened = open.open(name("ab/cd"))) {
        assertThat(read(opened)).isEqualTo("hello world");
      }
      open.sync();
    }
    assertOnly(store, "ab");
  }

  @Test
  void replacesOnlyWhenAsked() throws IOException {
    Path store = Files.createDirectories(directory.resolve("store"));
    Path names = Files.createDirectory(store.resolve("ab"));
    Files.writeString(names.resolve("file"), "old");
    Files.createSymbolicLink(names.resolve("dangling"), Path.of("nowhere"));
    Files.createDirectory(names.resolve("directory"));
    try (StoreDirectory open = platform.openStore(store)) {
      assertThat(open.fileSize(name("ab/dangling"))).isEqualTo(StoreDirectory.NO_FILE);
      for (String kind : List.of("file", "dangling", "directory")) {
        try (TemporaryFile temporary = open.create()) {
          temporary.write(name("new"), 0, 3);
          byte[] path = name("ab/" + kind);
          temporary.seal(HashAlgorithm.SHA256, false);
          assertThat(temporary.publish(path, false)).isFalse();
          if (kind.equals("directory")) {
            assertThatThrownBy(() -> temporary.publish(path, true)).isInstanceOf(IOException.class);
          } else {
            assertThat(temporary.publish(path, true)).isTrue();
          }
        }
      }
    }
    assertThat(names.resolve("file")).hasContent("new");
    assertThat(names.resolve("dangling")).isRegularFile().hasContent("new");
    assertOnly(names, "file", "dangling", "directory");
    assertOnly(store, "ab");
  }

  @Test
  void removesWhatKilledWritersLeft() throws IOException {
    Path store = Files.createDirectory(directory.resolve("store"));
    FileTime old = FileTime.from(Instant.now().minusSeconds(3600));
    for (String name : List.of(".tmp4j-old", ".tmp4j-young", ".tmpC", "other")) {
      Path file = Files.writeString(store.resolve(name), "left");
      if (!name.equals(".tmp4j-young")) {
        Files.setLastModifiedTime(file, old);
      }
    }
    Files.createDirectory(store.resolve(".tmp4j-directory"));
    try (StoreDirectory open = platform.openStore(store)) {
      assertThat(store.resolve(".tmp4j-old")).as("nothing is written yet").exists();
      open.create().close();
    }
    assertOnly(store, ".tmp4j-young", ".tmpC", "other", ".tmp4j-directory");
  }

  @Test
  void leavesTheTemporaryFilesOfLiveWriters() throws IOException {
    Path store = Files.createDirectory(directory.resolve("store"));
    try (StoreDirectory mine = platform.openStore(store);
        TemporaryFile temporary = mine.create()) {
      temporary.write(name("new"), 0, 3);
      try (var files = Files.list(store)) { // none where files can be without a name
        for (Path file : files.toList()) {
          Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(3600)));
        }
      }
      try (StoreDirectory other = platform.openStore(store)) {
        other.create().close();
      }
      assertThat(temporary.publish(name("ab/cd"), false)).isTrue();
    }
    assertOnly(store, "ab");
    assertThat(store.resolve("ab/cd")).hasContent("new");
  }

  @Test
  void removesWhatIsNotPublished() throws IOException {
    Path store = directory.resolve("store");
    try (StoreDirectory open = platform.openStore(store);
        TemporaryFile temporary = open.create()) {
      temporary.write(name("new"), 0, 3);
    }
    assertOnly(store);
  }

  private static void assertOnly(Path store, String... names) throws IOException {
    try (var entries = Files.list(store)) {
      assertThat(entries.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder(names);
    }
  }
}
