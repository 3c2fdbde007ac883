package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.testkit.Tools;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.RegularFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Images that {@code mkfs.erofs} makes are read as the directories they were made of: those of the
 * installed program, of release 1.5 or later, and for what that need not know stored ones of 1.8.6
 * ({@code resources/foreign}). {@link HandmadeImageTest} has what neither writes.
 */
class ForeignImageTest {
  @TempDir static Path source;

  @TempDir Path scratch;

  @BeforeAll
  static void makeSource() throws IOException {
    makeSource(source);
  }

  @ParameterizedTest(name = "mkfs.erofs {0}")
  @ValueSource(
      strings = {
        "",
        "-x1",
        "-x-1",
        "--chunksize=4096",
        "--chunksize=65536",
        "--chunksize=8192 -Eforce-chunk-indexes",
        "-Eforce-inode-compact",
        "-Eforce-inode-extended",
        "-Enoinline_data",
        "-Enoinline_data --chunksize=4096",
        "-Exattr-name-filter",
        "-Enosbcrc",
        "-T1000"
      })
  void readsWhatMkfsWrote(String options) throws Exception {
    compareAll(make(options, source), !options.equals("-x-1"));
  }

  @ParameterizedTest(name = "mkfs.erofs 1.8.6 {0}")
  @ValueSource(
      strings = {"b512", "b1024", "b2048", "b512-chunks", "prefix-x1", "prefix-x2", "mkfs-time"})
  void readsWhatNewerMkfsWrote(String name) throws Exception {
    Path image = scratch.resolve("image.erofs");
    try (InputStream packed =
        Objects.requireNonNull(getClass().getResourceAsStream("/foreign/" + name + ".erofs.gz"))) {
      Files.copy(new GZIPInputStream(packed), image);
    }
    compareAll(image, true);
  }

  private static void compareAll(Path image, boolean xattrs) throws IOException {
    boolean withXattrs = xattrs && hasXattrs(source);
    try (ErofsImage erofs =
        ErofsImage.open(ImageBytes.open(image, "mkfs.erofs"), ImageProfile.EROFS)) {
      erofs.check();
      Map<String, ImageInode> found = walk(erofs);
      Map<String, Path> expected = files(source);
      assertThat(found.keySet()).isEqualTo(expected.keySet());
      for (var entry : expected.entrySet()) {
        compare(entry.getValue(), found.get(entry.getKey()), withXattrs);
      }
      assertThat(found.get("/sub/again").nid()).isEqualTo(found.get("/large").nid());
      assertThat(found.get("/large").nlink()).isEqualTo(2);
      compare(source, erofs.toTree());
    }
  }

  @Test
  void refusesCompressedFilesByName() throws Exception {
    Path zeros = Files.createDirectory(scratch.resolve("zeros"));
    Files.write(zeros.resolve("zeros"), new byte[1 << 20]);
    Path image = make("-zlz4", zeros);
    assertThatThrownBy(
            () -> {
              try (ErofsImage erofs =
                  ErofsImage.open(ImageBytes.open(image, "z.erofs"), ImageProfile.EROFS)) {
                erofs.check();
              }
            })
        .isInstanceOf(UnsupportedFormatException.class)
        .hasMessageStartingWith("z.erofs: ")
        .hasMessageContaining("compressed");
  }

  @Test
  void isNoComposefsImage() throws Exception {
    Path image = make("", source);
    assertThatThrownBy(() -> ErofsImage.open(image).close())
        .isInstanceOf(ComposefsException.class)
        .hasMessageContaining("no composefs image");
  }

  @Test
  void survivesDamage() throws Exception {
    byte[] good = Files.readAllBytes(make("--chunksize=4096 -x1", source));
    Random random = new Random(20);
    for (int round = 0; round < 300; round++) {
      byte[] bytes = good.clone();
      for (int i = random.nextInt(8); i >= 0; i--) {
        bytes[1024 + random.nextInt(Math.min(40000, bytes.length - 1024))] =
            (byte) random.nextInt(256);
      }
      // Otherwise the checksum of the superblock catches most.
      bytes[Disk.SUPERBLOCK + Disk.SB_FEATURE_COMPAT] &= ~1;
      try (ErofsImage erofs =
          ErofsImage.open(ImageBytes.of(bytes, "damaged"), ImageProfile.EROFS)) {
        erofs.check();
        readAll(erofs.toTree());
      } catch (ComposefsException e) {
        assertThat(e).hasMessageStartingWith("damaged: ");
      }
    }
  }

  private Path make(String options, Path source) throws IOException, InterruptedException {
    Tools.require("mkfs.erofs");
    Path image = scratch.resolve("image.erofs");
    List<String> command = new ArrayList<>(List.of("mkfs.erofs", "--quiet", "--all-root"));
    for (String option : options.split(" ", -1)) {
      if (!option.isEmpty()) {
        command.add(option);
      }
    }
    command.add(image.toString());
    command.add(source.toString());
    Tools.run(command);
    return image;
  }

  /**
   * Every kind of file that needs no privileges, and sizes around those of blocks. Stored images
   * were made of this: what is changed here makes them out of date. The content has a period that
   * no block size divides, so that a block in the wrong place shows, and is packed to little.
   */
  static void makeSource(Path source) throws IOException {
    for (int size : new int[] {0, 1, 63, 511, 512, 513, 2049, 4095, 4096, 4097, 8192, 70001}) {
      Files.write(source.resolve("size-" + size), content(size));
    }
    byte[] large = content(300_000);
    Arrays.fill(large, 40_000, 200_000, (byte) 0);
    Files.write(source.resolve("large"), large);
    Path sub = Files.createDirectory(source.resolve("sub"));
    Files.createLink(sub.resolve("again"), source.resolve("large"));
    Files.createSymbolicLink(sub.resolve("link"), Path.of("../size-1"));
    Files.createSymbolicLink(sub.resolve("long-link"), Path.of("x/".repeat(900) + "y"));
    Path many = Files.createDirectories(sub.resolve("deeper/many"));
    for (int i = 0; i < 700; i++) {
      Files.writeString(many.resolve("a-file-with-a-longer-name-" + i), "content " + i);
    }
    Files.createDirectory(source.resolve("empty"));
    try {
      for (String name : new String[] {"size-1", "size-63", "large", "sub"}) {
        Path file = source.resolve(name);
        Files.setAttribute(file, "user:shared", "the same".getBytes(StandardCharsets.UTF_8));
        Files.setAttribute(file, "user:long.own", name.repeat(20).getBytes(StandardCharsets.UTF_8));
        Files.setAttribute(file, "user:empty", new byte[0]);
      }
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      // compared without; hasXattrs tells
    }
    try (var paths = Files.walk(source)) { // whatever the umask
      for (Path path : paths.filter(path -> !Files.isSymbolicLink(path)).toList()) {
        Files.setPosixFilePermissions(
            path,
            PosixFilePermissions.fromString(Files.isDirectory(path) ? "rwxr-xr-x" : "rw-r--r--"));
      }
    }
  }

  private static byte[] content(int size) {
    byte[] content = new byte[size];
    for (int i = 0; i < size; i++) {
      content[i] = (byte) ((i + size) % 251);
    }
    return content;
  }

  private static boolean hasXattrs(Path source) {
    try {
      return Files.getAttribute(source.resolve("size-1"), "user:empty") != null;
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      return false;
    }
  }

  private static Map<String, ImageInode> walk(ErofsImage erofs) throws IOException {
    Map<String, ImageInode> found = new TreeMap<>();
    ImageWalk walk = new ImageWalk(erofs);
    while (walk.next()) {
      found.put(
          new String(walk.pathArray(), 0, walk.pathLength(), StandardCharsets.UTF_8), walk.inode());
    }
    return found;
  }

  private static Map<String, Path> files(Path source) throws IOException {
    Map<String, Path> files = new TreeMap<>();
    try (var paths = Files.walk(source)) {
      paths.forEach(path -> files.put("/" + source.relativize(path), path));
    }
    return files;
  }

  private static void compare(Path file, ImageInode inode, boolean withXattrs) throws IOException {
    Map<String, Object> stat = Files.readAttributes(file, "unix:*", LinkOption.NOFOLLOW_LINKS);
    assertThat(inode.mode()).as("mode of %s", file).isEqualTo(stat.get("mode"));
    assertThat(inode.uid()).isZero(); // --all-root
    assertThat(inode.nlink()).as("links of %s", file).isEqualTo(stat.get("nlink"));
    if (inode.isRegular()) {
      byte[] content = Files.readAllBytes(file);
      assertThat(inode.size()).isEqualTo(content.length);
      byte[] read = new byte[content.length];
      for (int done = 0; done < read.length; ) {
        done += inode.read(done, read, done, Math.min(5000, read.length - done));
      }
      assertThat(read).as("content of %s", file).isEqualTo(content);
      assertThat(inode.read(content.length, new byte[1], 0, 1)).isZero();
    } else if (inode.isSymlink()) {
      assertThat(new String(inode.target(), StandardCharsets.UTF_8))
          .isEqualTo(Files.readSymbolicLink(file).toString());
    }
    if (withXattrs) {
      assertThat(xattrs(inode)).as("xattrs of %s", file).isEqualTo(xattrs(file));
    }
  }

  private static Map<String, String> xattrs(ImageInode inode) throws IOException {
    Map<String, String> xattrs = new TreeMap<>();
    ImageAttributes attributes = inode.attributes();
    for (int i = 0; i < attributes.size(); i++) {
      String name = new String(attributes.name(i), StandardCharsets.UTF_8);
      if (name.startsWith("user.")) {
        xattrs.put(name, new String(attributes.value(i), StandardCharsets.UTF_8));
      }
    }
    return xattrs;
  }

  private static Map<String, String> xattrs(Path file) throws IOException {
    Map<String, String> xattrs = new TreeMap<>();
    if (!Files.isSymbolicLink(file)) {
      Files.readAttributes(file, "user:*")
          .forEach((name, value) ->
              xattrs.put("user." + name, new String((byte[]) value, StandardCharsets.UTF_8)));
    }
    return xattrs;
  }

  private static void compare(Path source, FileTree tree) throws IOException {
    RegularFile large = (RegularFile) tree.find("/large");
    assertThat(large).isSameAs(tree.find("/sub/again"));
    assertThat(large.content()).isInstanceOf(Content.Blocks.class);
    assertThat(bytes(large)).isEqualTo(Files.readAllBytes(source.resolve("large")));
    assertThat(((RegularFile) tree.find("/size-63")).inlineBytes())
        .isEqualTo(Files.readAllBytes(source.resolve("size-63")));
  }

  private static void readAll(FileTree tree) throws IOException {
    for (var entry : tree.root().entries()) {
      if (entry.inode() instanceof RegularFile file && file.size() < 1 << 20) {
        bytes(file);
      }
    }
  }

  private static byte[] bytes(RegularFile file) throws IOException {
    if (!(file.content() instanceof Content.Blocks blocks)) {
      return ((Content.Inline) file.content()).bytes();
    }
    byte[] bytes = new byte[(int) file.size()];
    for (int done = 0; done < bytes.length; ) {
      int count = blocks.source().read(done, bytes, done, bytes.length - done);
      assertThat(count).isPositive();
      done += count;
    }
    return bytes;
  }
}
