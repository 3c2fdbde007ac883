package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Trees at random that can be written as images and read back unchanged: link counts are right,
 * directories with whiteouts carry the marks that readers find there (erofs-image.md 12.2), no
 * attribute looks like a whiteout's mark (Q13), and special files have no size (Q9).
 */
public final class RandomTrees {
  private static final String[] XATTR_NAMES = {
    "user.a",
    "user.comment",
    "security.selinux",
    "security.capability",
    "trusted.x",
    "trusted.overlay.redirect",
    "trusted.overlay.overlay.opaque",
    "trusted.overlay.metacopy",
    "user.overlay.opaque",
    "system.posix_acl_access",
    "system.posix_acl_default",
    "lustre.lov",
    "other",
    "user.",
    "security.",
    "system.posix_acl_access.more",
    "=",
    " \\-",
    "\n"
  };

  private static final String[] NAMES = {
    "!", "+", "-", "..a", ".a", "...", "@", "\\", "\n", " ", "a b", "a=b", "\t", "\r", "\\x00", "~"
  };

  private final RandomGenerator random;
  private final boolean unusual;
  private final boolean wholeSeconds;

  /** A dump holds digests of one algorithm, and so much xattr text (dump-format.md, section 7). */
  private final boolean dumpable;

  private final List<Directory> directories = new ArrayList<>();
  private final List<Inode> links = new ArrayList<>();
  private final XattrSet.Interner interner = new XattrSet.Interner();
  private final List<XattrSet> sets = new ArrayList<>();
  private int left;

  private RandomTrees(
      RandomGenerator random, boolean unusual, boolean wholeSeconds, boolean dumpable) {
    this.random = random;
    this.unusual = unusual;
    this.wholeSeconds = wholeSeconds;
    this.dumpable = dumpable;
    this.left = random.nextInt(40);
  }

  /** {@return a tree within the limits of all versions, but for nanoseconds, which V2 drops} */
  public static FileTree usual(RandomGenerator random) {
    return new RandomTrees(random, false, false, true).tree();
  }

  /** {@return a tree that V2 images hold unchanged} */
  public static FileTree version2(RandomGenerator random) {
    return new RandomTrees(random, false, true, true).tree();
  }

  /**
   * {@return a tree within the limits of V0 and V1: also large inline files and targets, object
   * paths of any kind, large directories, deep nesting, extreme numbers}
   */
  public static FileTree unusual(RandomGenerator random) {
    return new RandomTrees(random, true, false, false).tree();
  }

  /** {@return as {@link #unusual}, a tree that a dump can hold, with SHA-256 digests} */
  public static FileTree dumpable(RandomGenerator random) {
    return new RandomTrees(random, true, false, true).tree();
  }

  private FileTree tree() {
    try {
      Directory root = directory();
      for (int at = 0; at < directories.size() && left > 0; at++) {
        fill(directories.get(at), at == 0);
      }
      if (unusual && chance(20)) {
        fillBlocks(root);
      }
      if (unusual && chance(100)) {
        nest(root, chance(4) ? Limits.DEPTH_MAX : random.nextInt(300));
      }
      for (Inode inode : links) {
        addLink(inode);
      }
      return FileTree.of(root);
    } catch (InvalidTreeException e) {
      throw new AssertionError("the generator is wrong", e);
    }
  }

  private void fill(Directory directory, boolean isRoot) throws InvalidTreeException {
    int count = 1 + random.nextInt(Math.min(left, 12));
    if (unusual && chance(25)) {
      // Names of equal length fill blocks to the brim, or just not.
      count = 10 + random.nextInt(300);
    }
    boolean longNames = chance(10);
    for (int i = 0; i < count; i++) {
      byte[] name = isRoot && chance(6) ? stubName() : name(longNames);
      if (directory.position(name) < 0 || directory.size() == 0) {
        add(directory, name);
      }
    }
    left -= count;
  }

  /** Entries of about half a block, a block, or more, with and without the dots. */
  private void fillBlocks(Directory parent) throws InvalidTreeException {
    Directory directory = directory();
    parent.add(freeName(parent), directory);
    int left = (1 + random.nextInt(4)) * 2048 + random.nextInt(-3, 4) - 2 * 12 - 3;
    int most = chance(2) ? 255 : 8 + random.nextInt(60);
    for (int i = 0; left >= 12 + 4; i++) {
      byte[] name = new byte[Math.min(most, left - 12)];
      Arrays.fill(name, (byte) 'n');
      for (int k = 3, number = i; k >= 0; k--, number /= 26) {
        name[k] = (byte) ('a' + number % 26);
      }
      left -= 12 + name.length;
      directory.add(name, new Fifo(stat(1), XattrSet.EMPTY));
    }
  }

  private void nest(Directory parent, int depth) throws InvalidTreeException {
    Directory directory = parent;
    for (int i = 0; i < depth; i++) {
      Directory below = new Directory(stat(2), xattrs());
      directory.add(freeName(directory), below);
      directory = below;
    }
  }

  private byte[] freeName(Directory directory) {
    byte[] name = name(false);
    while (directory.size() > 0 && directory.position(name) >= 0) {
      name = name(false);
    }
    return name;
  }

  private void add(Directory directory, byte[] name) throws InvalidTreeException {
    if (isMarked(directory) && chance(3)) {
      directory.add(name, Device.character(stat(1), xattrs(), 0));
      return;
    }
    int further = chance(12) ? 1 + random.nextInt(3) : 0;
    int kind = random.nextInt(12);
    // The number of links of a V0 or V1 inode is whatever the input says.
    int nlink = unusual && chance(8) ? random.nextInt() : 1 + further;
    Inode inode = kind < 3 ? directory() : leaf(kind, stat(nlink));
    directory.add(name, inode);
    if (!(inode instanceof Directory)) {
      for (int i = 0; i < further; i++) {
        links.add(inode);
      }
    }
  }

  private void addLink(Inode inode) throws InvalidTreeException {
    Directory directory = directories.get(random.nextInt(directories.size()));
    directory.link(freeName(directory), inode);
  }

  private Directory directory() throws InvalidTreeException {
    XattrSet set = xattrs();
    if (chance(6)) {
      XattrSet.Builder builder = new XattrSet.Builder();
      for (XattrSet.Cursor c = set.cursor(); c.next(); ) {
        if (c.valueLength() < 5000) {
          builder.set(c.name(), c.value());
        }
      }
      builder.set(ascii("trusted.overlay.opaque"), ascii("x"));
      builder.set(ascii("user.overlay.opaque"), ascii("x"));
      set = interner.intern(builder.build());
    }
    Directory directory = new Directory(stat(2), set);
    directories.add(directory);
    return directory;
  }

  private static boolean isMarked(Directory directory) {
    byte[] trusted = directory.xattrs().get(ascii("trusted.overlay.opaque"));
    byte[] user = directory.xattrs().get(ascii("user.overlay.opaque"));
    return trusted != null && user != null && user.length == 1 && user[0] == 'x';
  }

  private Inode leaf(int kind, Stat stat) throws InvalidTreeException {
    XattrSet xattrs = xattrs();
    return switch (kind) {
      case 3 -> new Symlink(stat, xattrs, text(1 + size(unusual ? Limits.SYMLINK_MAX : 1024)));
      case 4 ->
          switch (random.nextInt(4)) {
            case 0 -> Device.block(stat, xattrs, random.nextInt());
            case 1 -> Device.character(stat, xattrs, 1 + random.nextInt(Integer.MAX_VALUE));
            case 2 -> new Fifo(stat, xattrs);
            default -> new Socket(stat, xattrs);
          };
      case 5 -> RegularFile.empty(stat, xattrs);
      case 6, 7, 8 -> RegularFile.inline(stat, xattrs, bytes(size(unusual ? 5001 : 513)));
      default -> external(stat, xattrs);
    };
  }

  private RegularFile external(Stat stat, XattrSet xattrs) throws InvalidTreeException {
    long size = 1 + (random.nextLong() >>> random.nextInt(24, 63));
    if (unusual && chance(8)) {
      size = (1L << random.nextInt(54)) - random.nextInt(2);
    }
    size = Math.clamp(size, 1, unusual ? Limits.EXTERNAL_MAX : 1L << 40);
    Digest digest = Digest.of(bytes(chance(10) && !dumpable ? 64 : 32));
    if (chance(4)) {
      digest = Digest.parse("0123456789abcdef".repeat(4));
    }
    if (chance(12)) {
      return RegularFile.of(stat, xattrs, size, new Content.Sparse());
    }
    if (!unusual || chance(2)) {
      return RegularFile.external(stat, xattrs, size, digest);
    }
    byte[] path = text(1 + size(Limits.PAYLOAD_MAX - 1));
    return RegularFile.of(
        stat,
        xattrs,
        size,
        switch (random.nextInt(3)) {
          case 0 -> new Content.External(path, null);
          case 1 -> new Content.External(null, digest);
          default -> new Content.External(path, digest);
        });
  }

  private Stat stat(int nlink) {
    long seconds = chance(2) ? 1_700_000_000L : random.nextInt();
    int nanos = wholeSeconds || chance(2) ? 0 : random.nextInt(1_000_000_000);
    if (chance(20)) {
      seconds = chance(3) ? Long.MIN_VALUE : random.nextLong();
    }
    if (unusual && chance(20)) {
      nanos = random.nextInt();
    }
    int owner = chance(3) ? random.nextInt(70_000) : 0;
    if (chance(20)) {
      owner = random.nextInt();
    }
    return new Stat(random.nextInt(07777 + 1), nlink, owner, chance(2) ? owner : 0, seconds, nanos);
  }

  private XattrSet xattrs() throws InvalidTreeException {
    if (chance(2)) {
      return XattrSet.EMPTY;
    }
    if (!sets.isEmpty() && chance(2)) {
      return sets.get(random.nextInt(sets.size()));
    }
    XattrSet.Builder builder = new XattrSet.Builder();
    if (unusual && chance(40)) {
      // More than the 128 shared ones that an inode refers to.
      for (int i = random.nextInt(200); i >= 0; i--) {
        builder.set(ascii("user.many" + i), ascii("value"));
      }
    }
    for (int i = random.nextInt(4); i >= 0; i--) {
      String name = XATTR_NAMES[random.nextInt(XATTR_NAMES.length)];
      if (chance(8)) {
        name = "user." + "n".repeat(random.nextInt(251));
      }
      // Equal pairs in different sets are shared, too.
      int most = !chance(30) ? 60 : dumpable ? 3000 : 7000;
      byte[] value = chance(2) ? ascii("value") : bytes(size(most));
      builder.set(ascii(name), value);
    }
    XattrSet set = interner.intern(builder.build());
    sets.add(set);
    return set;
  }

  private byte[] stubName() {
    int value = random.nextInt(256);
    return new byte[] {
      (byte) Character.forDigit(value >> 4, 16), (byte) Character.forDigit(value & 15, 16)
    };
  }

  private byte[] name(boolean isLong) {
    if (chance(12)) {
      return ascii(NAMES[random.nextInt(NAMES.length)]);
    }
    int length = isLong ? 255 - random.nextInt(3) : 1 + random.nextInt(12);
    byte[] name = bytes(length);
    boolean plain = !chance(8);
    for (int i = 0; i < length; i++) {
      if (plain) {
        name[i] = (byte) ('a' + (name[i] & 15));
      } else if (name[i] == 0 || name[i] == '/') {
        name[i] = (byte) 0xff;
      }
    }
    if (name[0] == '.') {
      // Names that sort before "." have a place of their own among the entries.
      name[0] = '-';
    }
    return name;
  }

  /** Text without NUL. */
  private byte[] text(int length) {
    byte[] text = bytes(length);
    boolean plain = !chance(8);
    for (int i = 0; i < length; i++) {
      text[i] = plain ? (byte) ('a' + (text[i] & 15)) : text[i] == 0 ? 1 : text[i];
    }
    return text;
  }

  /** Mostly small, below {@code bound}; sometimes just below it. */
  private int size(int bound) {
    return switch (random.nextInt(8)) {
      case 0 -> random.nextInt(bound);
      case 1 -> bound - 1 - random.nextInt(Math.min(3, bound));
      default -> random.nextInt(Math.min(bound, 80));
    };
  }

  private byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private boolean chance(int oneOf) {
    return random.nextInt(oneOf) == 0;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
