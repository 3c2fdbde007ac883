package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Symlink;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Compares trees to the last field, and which names are one inode; which of them is the own entry
 * does not count, nor do the link counts of directories and the sizes of special files.
 */
public final class TreeAssert {
  private record Pair(Path path, Directory expected, Directory actual) {}

  /** A path that costs little until it is printed: trees may be deep. */
  private record Path(Path parent, byte[] name) {
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      for (Path path = this; path.parent != null; path = path.parent) {
        text.insert(0, "/" + FileName.printable(path.name));
      }
      return text.isEmpty() ? "/" : text.toString();
    }
  }

  private static final Path ROOT = new Path(null, new byte[0]);

  private final ArrayDeque<Pair> queue = new ArrayDeque<>();
  private final Map<Inode, Inode> partners = new IdentityHashMap<>();
  private final Map<Inode, Path> firstPaths = new IdentityHashMap<>();

  private TreeAssert() {}

  /** Fails at the first difference and names its path. */
  public static void assertSame(FileTree expected, FileTree actual) {
    new TreeAssert().compare(expected, actual);
  }

  private void compare(FileTree expected, FileTree actual) {
    inode(ROOT, expected.root(), actual.root());
    for (Pair pair; (pair = queue.poll()) != null; ) {
      directory(pair);
    }
    check(ROOT, "number of inodes", expected.inodes(), actual.inodes());
    check(ROOT, "number of entries", expected.entries(), actual.entries());
  }

  private void directory(Pair pair) {
    Directory expected = pair.expected;
    Directory actual = pair.actual;
    for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
      String name = FileName.printable(expected.name(i));
      check(pair.path, "name of entry " + i, name, FileName.printable(actual.name(i)));
      inode(new Path(pair.path, expected.name(i)), expected.child(i), actual.child(i));
    }
    check(pair.path, "number of entries", expected.size(), actual.size());
  }

  private void inode(Path path, Inode expected, Inode actual) {
    Inode known = partners.putIfAbsent(expected, actual);
    Inode back = partners.putIfAbsent(actual, expected);
    if (known != null || back != null) {
      if (known != actual || back != expected) {
        fail(path, "hard link to " + firstPaths.get(known == null ? actual : expected), "another");
      }
      return;
    }
    firstPaths.put(expected, path);
    firstPaths.put(actual, path);
    check(
        path, "mode", Integer.toOctalString(expected.mode()), Integer.toOctalString(actual.mode()));
    check(path, "uid", expected.uid(), actual.uid());
    check(path, "gid", expected.gid(), actual.gid());
    check(path, "seconds", expected.mtimeSeconds(), actual.mtimeSeconds());
    check(path, "nanoseconds", expected.mtimeNanos(), actual.mtimeNanos());
    check(path, "xattrs", expected.xattrs(), actual.xattrs());
    if (expected instanceof Directory below && actual instanceof Directory other) {
      queue.add(new Pair(path, below, other));
      return;
    }
    check(path, "nlink", expected.nlink(), actual.nlink());
    if (expected instanceof Symlink link && actual instanceof Symlink other) {
      check(path, "target", FileName.printable(link.target()), FileName.printable(other.target()));
    } else if (expected instanceof Device device && actual instanceof Device other) {
      check(path, "rdev", device.rdev(), other.rdev());
    } else if (expected instanceof RegularFile file && actual instanceof RegularFile other) {
      check(path, "size", file.size(), other.size());
      check(path, "content", text(file.content()), text(other.content()));
    }
  }

  private static String text(Content content) {
    return switch (content) {
      case Content.Inline inline -> "inline " + Arrays.toString(inline.bytes());
      case Content.External external ->
          "external "
              + (external.path() == null ? "without path" : FileName.printable(external.path()))
              + " "
              + external.digest();
      case Content.Sparse _ -> "sparse";
      case Content.Blocks _ -> "blocks";
    };
  }

  private static void check(Path path, String what, Object expected, Object actual) {
    if (!Objects.equals(expected, actual)) {
      fail(path + ": " + what, expected, actual);
    }
  }

  private static void fail(Object where, Object expected, Object actual) {
    throw new AssertionError(where + ": expected " + expected + ", got " + actual);
  }
}
