package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A tree with everything that a view of an image must show, as an image and a directory of objects:
 * every kind of inode, hard links, xattrs, names of every sort, sizes around all limits.
 */
public final class TreeSample {
  /** Sizes of the files {@code /sizes/N}. */
  public static final List<Integer> SIZES = List.of(0, 1, 64, 65, 4095, 4096, 4097, 1_000_003);

  /** Size of {@code /sizes/sparse}, a hole but for one block at {@link #DATA}. */
  public static final long SPARSE = 3L << 30;

  /** Position of the one block of the sparse file that is not zeros. */
  public static final long DATA = (2L << 30) + 8192;

  /** {@code security.capability} for cap_net_raw, version 2. */
  public static final byte[] CAPABILITY =
      HexFormat.of().parseHex("0100000200200000000000000000000000000000");

  /** An access ACL: user::rw-, user:1000:r--, group::r--, mask::r--, other::---. */
  public static final byte[] ACL =
      HexFormat.of()
          .parseHex(
              "02000000"
                  + "01000600ffffffff"
                  + "02000400e8030000"
                  + "04000400ffffffff"
                  + "10000400ffffffff"
                  + "20000000ffffffff");

  private static final Stat FILE = Stat.of(0644).withMtime(1_700_000_000, 123_456_789);
  private static final Stat DIRECTORY = Stat.of(0755).withMtime(1_600_000_000, 1);

  private final Path directory;
  private final int many;
  private final Directory root = new Directory(DIRECTORY, XattrSet.EMPTY);
  private final Map<Digest, Path> stored = new TreeMap<>();
  private @Nullable FileTree tree;
  private @Nullable Digest digest;

  private TreeSample(Path directory, int many) {
    this.directory = directory;
    this.many = many;
  }

  /**
   * {@return the sample, its image and objects written below a directory}
   *
   * @param many how many entries {@code /many} has
   */
  public static TreeSample write(Path directory, int many) {
    TreeSample sample = new TreeSample(directory, many);
    try {
      sample.build();
      return sample;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** {@return the tree} */
  public FileTree tree() {
    return require(tree);
  }

  /** {@return the image file} */
  public Path image() {
    return directory.resolve("sample.cfs");
  }

  /** {@return the image's digest} */
  public Digest digest() {
    return require(digest);
  }

  /** {@return the directory of the objects} */
  public Path objects() {
    return directory.resolve("objects");
  }

  /** {@return the file of an object of this tree} */
  public Path object(Digest object) {
    return require(stored.get(object));
  }

  /** {@return how many entries {@code /many} has} */
  public int many() {
    return many;
  }

  private static <T> T require(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("not built, or no such object");
    }
    return value;
  }

  /** {@return the content of the file {@code /sizes/N}} */
  public static byte[] content(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private void build() throws IOException {
    addSizes(directory(root, "sizes"));
    addKinds(directory(root, "kinds"));
    addNames(directory(root, "names"));
    addTimes(directory(root, "times"));
    addLinks(directory(root, "links"));
    addXattrs(directory(root, "xattrs"));
    Directory entries = directory(root, "many");
    for (int i = 0; i < many; i++) {
      add(entries, manyName(i), RegularFile.empty(FILE, XattrSet.EMPTY));
    }
    FileTree built = FileTree.of(root);
    tree = built;
    try (FileChannel out =
        FileChannel.open(image(), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      digest = ImageWriter.write(built, ImageOptions.DEFAULT, out).digest();
    }
  }

  /** {@return the name of an entry of {@code /many}} */
  public static String manyName(int i) {
    return "entry-" + Integer.toString(i * 31 + 7, 36);
  }

  private static <T extends Inode> T add(Directory parent, String name, T inode)
      throws IOException {
    parent.add(FileName.encode(name), inode);
    return inode;
  }

  private static Directory directory(Directory parent, String name) throws IOException {
    return add(parent, name, new Directory(DIRECTORY, XattrSet.EMPTY));
  }

  private RegularFile file(Stat stat, XattrSet xattrs, byte[] content) throws IOException {
    if (content.length == 0) {
      return RegularFile.empty(stat, xattrs);
    }
    if (content.length <= 64) {
      return RegularFile.inline(stat, xattrs, content);
    }
    Digest object = VerityHasher.digest(HashAlgorithm.SHA256, content);
    Path path = objectPath(object);
    if (!Files.exists(path)) {
      Files.write(path, content);
    }
    return RegularFile.external(stat, xattrs, content.length, object);
  }

  private Path objectPath(Digest object) throws IOException {
    Path path = objects().resolve(new String(object.objectPath(), StandardCharsets.US_ASCII));
    Files.createDirectories(path.getParent());
    stored.put(object, path);
    return path;
  }

  private void addSizes(Directory sizes) throws IOException {
    for (int size : SIZES) {
      add(sizes, Integer.toString(size), file(FILE, XattrSet.EMPTY, content(size)));
    }
    byte[] block = content(4096);
    VerityDigests.Source source =
        new VerityDigests.Source() {
          @Override
          public int read(long position, byte[] into, int offset, int length) {
            Arrays.fill(into, offset, offset + length, (byte) 0);
            long at = DATA - position;
            if (at >= 0 && at < length) {
              System.arraycopy(block, 0, into, offset + (int) at, block.length);
            }
            return length;
          }

          @Override
          public long nextData(long position, long size) {
            return position < DATA - DATA % (1 << 20)
                ? DATA
                : position < DATA + 4096 ? position : size;
          }
        };
    Digest object =
        VerityDigests.digest(source, SPARSE, HashAlgorithm.SHA256, 4096, Runnable::run, 1);
    try (FileChannel out =
        FileChannel.open(
            objectPath(object), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      out.write(ByteBuffer.wrap(block), DATA);
      out.write(ByteBuffer.allocate(1), SPARSE - 1);
    }
    add(sizes, "sparse", RegularFile.external(FILE, XattrSet.EMPTY, SPARSE, object));
  }

  private static void addKinds(Directory kinds) throws IOException {
    Stat odd = Stat.of(0640).withOwner(1000, 70_000).withMtime(1_700_000_001, 0);
    add(kinds, "char", Device.character(odd, XattrSet.EMPTY, 5 << 8 | 1));
    add(kinds, "block", Device.block(odd, XattrSet.EMPTY, 0x0031_0842));
    add(kinds, "fifo", new Fifo(odd, XattrSet.EMPTY));
    add(kinds, "socket", new Socket(odd, XattrSet.EMPTY));
    add(kinds, "symlink", symlink("../sizes/4097"));
    add(kinds, "setuid", RegularFile.empty(Stat.of(04755), XattrSet.EMPTY));
    add(kinds, "sticky", new Directory(Stat.of(01777), XattrSet.EMPTY));
    add(kinds, "closed", RegularFile.empty(Stat.of(0), XattrSet.EMPTY));
    add(
        kinds,
        "owned",
        RegularFile.empty(Stat.of(0400).withOwner(65_535, 4_000_000), XattrSet.EMPTY));
    directory(directory(directory(kinds, "a"), "b"), "c");
  }

  private static Symlink symlink(String target) throws IOException {
    return new Symlink(
        Stat.of(0777).withMtime(1_700_000_002, 5), XattrSet.EMPTY, FileName.encode(target));
  }

  private void addNames(Directory names) throws IOException {
    List<String> all =
        List.of(
            "x".repeat(255),
            "\u00e9".repeat(127),
            "\udcff\udcfe not UTF-8 \udc80",
            "latin-\udce9",
            "\ud83d\ude00 emoji",
            " leading and trailing ",
            "new\nline",
            "back\\slash",
            "!bang",
            "#hash",
            "%41percent",
            "*star?",
            "{a,b}",
            "[x]",
            ".hidden",
            "...",
            "-dash",
            "a.txt",
            "b.txt",
            "c.TXT");
    for (String name : all) {
      add(names, name, file(FILE, XattrSet.EMPTY, FileName.encode(name)));
    }
    add(directory(names, "d\u00edr \udc9d"), "inside", RegularFile.empty(FILE, XattrSet.EMPTY));
  }

  private static void addTimes(Directory times) throws IOException {
    long[][] all = {
      {0, 0},
      {0, 1},
      {-1, 999_999_999},
      {-2_000_000_000, 500},
      {1, 999_999_999},
      {4_000_000_000L, 123},
      {1_700_000_000, 123_456_789}
    };
    for (long[] time : all) {
      add(
          times,
          time[0] + "." + time[1],
          RegularFile.empty(Stat.of(0644).withMtime(time[0], (int) time[1]), XattrSet.EMPTY));
    }
  }

  private void addLinks(Directory links) throws IOException {
    RegularFile linked =
        add(links, "first", file(FILE.withNlink(3), XattrSet.EMPTY, content(5000)));
    links.link(FileName.encode("second"), linked);
    directory(links, "below").link(FileName.encode("third"), linked);
    add(links, "to-file", symlink("first"));
    add(links, "to-directory", symlink("below"));
    add(links, "nowhere", symlink("absent"));
    add(links, "self", symlink("self"));
    add(links, "ping", symlink("pong"));
    add(links, "pong", symlink("ping"));
    add(links, "up", symlink("../kinds/../links/./first"));
    add(links, "slash", symlink("first/"));
    add(links, "long", symlink("./".repeat(2000) + "first"));
    add(links, "raw", symlink("\udcff\udc80"));
    add(links, "chain-0", symlink("first"));
    for (int i = 1; i <= 41; i++) {
      add(links, "chain-" + i, symlink("chain-" + (i - 1)));
    }
    add(directory(links, "loop"), "back", symlink("../loop"));
  }

  private static XattrSet xattrs(Object... namesAndValues) throws IOException {
    XattrSet.Builder builder = new XattrSet.Builder();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      Object value = namesAndValues[i + 1];
      builder.set(
          FileName.encode((String) namesAndValues[i]),
          value instanceof byte[] bytes ? bytes : FileName.encode((String) value));
    }
    return builder.build();
  }

  private void addXattrs(Directory parent) throws IOException {
    add(parent, "user", file(FILE, xattrs("user.a", "1", "user.b", ""), content(100)));
    add(
        parent,
        "shared",
        file(FILE, xattrs("user.a", "1", "user.c", "x".repeat(1000)), content(3)));
    add(parent, "capability", file(FILE, xattrs("security.capability", CAPABILITY), content(70)));
    // The group bits of the mode are the ACL's mask.
    add(
        parent,
        "acl",
        file(
            Stat.of(0640).withMtime(1_700_000_003, 0),
            xattrs("system.posix_acl_access", ACL),
            content(71)));
    add(parent, "directory", new Directory(DIRECTORY, xattrs("user.d", "\udc80\udcff")));
    add(parent, "trusted", file(FILE, xattrs("trusted.t", "v", "user.u", "w"), content(72)));
  }
}
