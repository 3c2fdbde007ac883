package io.github.composefs4j.core.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The portable platform on file systems like those of other operating systems: scans, stores, and
 * what a scan cannot see there.
 */
class OtherSystemsTest {
  /** Systems, by what they tell of files. */
  enum Host {
    WINDOWS(Configuration.windows(), "C:\\work", false),
    MACOS(Configuration.osX(), "/work", false),
    MACOS_POSIX(withViews(Configuration.osX(), "basic", "owner", "posix"), "/work", true),
    UNIX_BASIC(Configuration.unix(), "/work", false);

    private final Configuration configuration;
    private final String work;
    private final boolean modes;

    Host(Configuration configuration, String work, boolean modes) {
      this.configuration = configuration;
      this.work = work;
      this.modes = modes;
    }

    private static Configuration withViews(
        Configuration configuration, String first, String... more) {
      return configuration.toBuilder().setAttributeViews(first, more).build();
    }
  }

  private static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private static Path source(FileSystem system, Host host) throws IOException {
    Path source = Files.createDirectories(system.getPath(host.work, "source"));
    Files.createDirectories(source.resolve("sub").resolve("empty"));
    for (int size : new int[] {0, 64, 65, 5000, 2_000_000}) {
      Files.write(source.resolve("f" + size), bytes(size));
    }
    Files.write(source.resolve("sub").resolve("name with ü, % and space"), bytes(100));
    Files.createSymbolicLink(source.resolve("link"), system.getPath("sub", "x"));
    List<Path> all = new ArrayList<>();
    try (var paths = Files.walk(source)) {
      paths.forEach(all::add);
    }
    for (Path path : all.reversed()) {
      if (!Files.isSymbolicLink(path)) {
        if (host.modes) {
          Files.setPosixFilePermissions(
              path,
              PosixFilePermissions.fromString(Files.isDirectory(path) ? "rwxr-xr-x" : "rw-r--r--"));
        }
        Files.setLastModifiedTime(path, FileTime.from(Instant.ofEpochSecond(1_000)));
      }
    }
    return source;
  }

  @ParameterizedTest
  @EnumSource
  void scansAndStores(Host host) throws IOException {
    try (FileSystem system = Jimfs.newFileSystem(host.configuration)) {
      Platform platform = Platform.portable();
      Path source = source(system, host);
      Path place = system.getPath(host.work, "a", "store");
      try (LocalObjectStore store = LocalObjectStore.open(platform, place, HashAlgorithm.SHA256)) {
        FileTree tree =
            Scanner.scan(platform, source, false, ScanOptions.defaults(), store, ScanProgress.NONE);
        assertThat(store.stored()).isEqualTo(4);
        assertThat(tree.entries()).isEqualTo(9);
        RegularFile large = (RegularFile) Objects.requireNonNull(tree.find("f2000000"));
        Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, bytes(2_000_000));
        assertThat(large.digest()).isEqualTo(digest);
        assertThat(large.mode()).isEqualTo(0100644);
        assertThat(large.mtimeSeconds()).isEqualTo(1_000);
        Symlink link = (Symlink) Objects.requireNonNull(tree.find("link"));
        assertThat(new String(link.target(), StandardCharsets.UTF_8)).isIn("sub/x", "sub\\x");
        assertThat(tree.find("sub/name with ü, % and space")).isInstanceOf(RegularFile.class);
        try (ObjectReader reader = store.open(digest)) {
          byte[] read = new byte[2_000_001];
          assertThat(reader.read(0, read, 0, read.length)).isEqualTo(2_000_000);
          assertThat(read).startsWith(bytes(2_000_000));
        }
        Digest other = VerityHasher.digest(HashAlgorithm.SHA256, bytes(7));
        assertThatThrownBy(() -> store.open(other)).isInstanceOf(MissingObjectException.class);
        String first = TestImages.dump(tree);
        FileTree again =
            Scanner.scan(platform, source, false, ScanOptions.defaults(), store, ScanProgress.NONE);
        assertThat(TestImages.dump(again)).isEqualTo(first);
        assertThat(store.stored()).as("present the second time").isEqualTo(4);
      }
      try (var files = Files.walk(place)) {
        assertThat(files.filter(Files::isRegularFile).map(file -> file.getFileName().toString()))
            .hasSize(4)
            .allMatch(name -> name.length() == 62);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void errorsNameThePath(Host host) throws IOException {
    try (FileSystem system = Jimfs.newFileSystem(host.configuration)) {
      Path none = system.getPath(host.work, "none");
      assertThatThrownBy(() -> Platform.portable().openDirectory(none, false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(none.toString());
      Files.createDirectories(system.getPath(host.work));
      Path file = Files.write(system.getPath(host.work, "file"), new byte[1]).resolve("below");
      assertThatThrownBy(() ->
              LocalObjectStore.open(Platform.portable(), file, HashAlgorithm.SHA256)
                  .put(bytes(100), new ObjectWorker(HashAlgorithm.SHA256)))
          .isInstanceOf(IOException.class);
    }
  }
}
