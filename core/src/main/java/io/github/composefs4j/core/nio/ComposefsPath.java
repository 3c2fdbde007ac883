package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A path: bytes, with one slash between names and none at the end, as in the image. Immutable.
 * Equality and order are those of the bytes.
 *
 * <p>A path that came out of a directory stream knows its inode: the image never changes.
 */
final class ComposefsPath implements Path {
  private static final byte[] NOTHING = {};
  private static final byte[] DOT = {'.'};
  private static final byte[] DOT_DOT = {'.', '.'};

  private final ComposefsFileSystem fileSystem;
  private final byte[] bytes;

  /** The inode of this name itself, symlinks not followed, if it is known. */
  private final @Nullable ImageInode inode;

  /** Where names start; made when it is needed. */
  private volatile int @Nullable [] starts;

  private volatile @Nullable String text;

  private ComposefsPath(ComposefsFileSystem fileSystem, byte[] bytes, @Nullable ImageInode inode) {
    this.fileSystem = fileSystem;
    this.bytes = bytes;
    this.inode = inode;
  }

  /**
   * {@return the path with these bytes, superfluous slashes left out}
   *
   * @throws InvalidPathException if there is a NUL
   */
  static ComposefsPath of(ComposefsFileSystem fileSystem, byte[] bytes) {
    return new ComposefsPath(fileSystem, withoutSuperfluousSlashes(bytes), null);
  }

  /**
   * {@return the path written as text}
   *
   * @throws InvalidPathException if there is a NUL, or a surrogate that stands for no byte
   */
  static ComposefsPath of(ComposefsFileSystem fileSystem, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean pair =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (pair) {
        i++;
      } else if (c == 0) {
        throw new InvalidPathException(text, "a NUL", i);
      } else if (Character.isSurrogate(c) && !(c >= 0xdc80 && c <= 0xdcff)) {
        throw new InvalidPathException(text, "a surrogate that stands for no byte", i);
      }
    }
    return of(fileSystem, FileName.encode(text));
  }

  private static byte[] withoutSuperfluousSlashes(byte[] bytes) {
    byte[] result = new byte[bytes.length];
    int length = 0;
    for (byte b : bytes) {
      if (b != '/' || length == 0 || result[length - 1] != '/') {
        result[length++] = b;
      }
    }
    if (length > 1 && result[length - 1] == '/') {
      length--;
    }
    return length == bytes.length ? bytes : Arrays.copyOf(result, length);
  }

  /** {@return the path of the entry at hand of the directory that this path names} */
  ComposefsPath child(DirentCursor entry, ImageInode known) {
    int length = bytes.length;
    boolean slash = length > 0 && bytes[length - 1] != '/';
    byte[] joined = Arrays.copyOf(bytes, length + (slash ? 1 : 0) + entry.nameLength());
    if (slash) {
      joined[length++] = '/';
    }
    entry.copyName(joined, length);
    return new ComposefsPath(fileSystem, joined, known);
  }

  /** {@return this path as a composefs path of any image} */
  static ComposefsPath of(Path path) {
    if (Objects.requireNonNull(path) instanceof ComposefsPath composefs) {
      return composefs;
    }
    throw new ProviderMismatchException();
  }

  byte[] bytes() {
    return bytes;
  }

  @Nullable ImageInode knownInode() {
    return inode;
  }

  private ComposefsPath with(byte[] other) {
    return new ComposefsPath(fileSystem, other, null);
  }

  private int[] starts() {
    int[] known = starts;
    if (known == null) {
      int count = bytes.length == 0 ? 1 : 0;
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] != '/' && (i == 0 || bytes[i - 1] == '/')) {
          count++;
        }
      }
      known = new int[count];
      int at = 0;
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] != '/' && (i == 0 || bytes[i - 1] == '/')) {
          known[at++] = i;
        }
      }
      starts = known;
    }
    return known;
  }

  private int end(int name) {
    int[] all = starts();
    return name + 1 == all.length ? bytes.length : all[name + 1] - 1;
  }

  private byte[] name(int index) {
    return Arrays.copyOfRange(bytes, starts()[index], end(index));
  }

  private boolean isName(int index, byte[] name) {
    return Arrays.equals(bytes, starts()[index], end(index), name, 0, name.length);
  }

  @Override
  public ComposefsFileSystem getFileSystem() {
    return fileSystem;
  }

  @Override
  public boolean isAbsolute() {
    return bytes.length > 0 && bytes[0] == '/';
  }

  private boolean isRoot() {
    return bytes.length == 1 && bytes[0] == '/';
  }

  private boolean isEmpty() {
    return bytes.length == 0;
  }

  @Override
  public @Nullable Path getRoot() {
    return isAbsolute() ? fileSystem.root() : null;
  }

  @Override
  public @Nullable Path getFileName() {
    int count = getNameCount();
    if (count == 0) {
      return null;
    }
    return count == 1 && !isAbsolute() ? this : with(name(count - 1));
  }

  @Override
  public @Nullable Path getParent() {
    int count = getNameCount();
    if (count == 0) {
      return null;
    }
    if (count == 1) {
      return getRoot();
    }
    return with(Arrays.copyOf(bytes, starts()[count - 1] - 1));
  }

  @Override
  public int getNameCount() {
    return starts().length;
  }

  @Override
  public Path getName(int index) {
    if (index < 0 || index >= getNameCount()) {
      throw new IllegalArgumentException("name " + index + " of " + getNameCount());
    }
    return with(name(index));
  }

  @Override
  public Path subpath(int begin, int end) {
    if (begin < 0 || end > getNameCount() || begin >= end) {
      throw new IllegalArgumentException("names " + begin + " to " + end + " of " + getNameCount());
    }
    return with(Arrays.copyOfRange(bytes, starts()[begin], end(end - 1)));
  }

  private boolean isOfSameImage(Path other) {
    return Objects.requireNonNull(other) instanceof ComposefsPath that
        && that.fileSystem == fileSystem;
  }

  @Override
  public boolean startsWith(Path other) {
    if (!isOfSameImage(other)) {
      return false;
    }
    ComposefsPath that = of(other);
    int count = that.getNameCount();
    if (that.isAbsolute() != isAbsolute() || count > getNameCount()) {
      return false;
    }
    if (that.isEmpty() || isEmpty()) {
      return that.isEmpty() && isEmpty();
    }
    int length = that.bytes.length;
    return Arrays.equals(bytes, 0, Math.min(length, bytes.length), that.bytes, 0, length)
        && (length == bytes.length || that.isRoot() || bytes[length] == '/');
  }

  @Override
  public boolean endsWith(Path other) {
    if (!isOfSameImage(other)) {
      return false;
    }
    ComposefsPath that = of(other);
    int count = that.getNameCount();
    int mine = getNameCount();
    if (that.isAbsolute()) {
      return isAbsolute() && Arrays.equals(bytes, that.bytes);
    }
    if (that.isEmpty() || isEmpty()) {
      return that.isEmpty() && isEmpty();
    }
    return count <= mine
        && Arrays.equals(
            bytes, starts()[mine - count], bytes.length, that.bytes, 0, that.bytes.length);
  }

  @Override
  public Path normalize() {
    int count = getNameCount();
    int[] kept = new int[count];
    int size = 0;
    for (int i = 0; i < count; i++) {
      if (isName(i, DOT)) {
        continue;
      }
      if (isName(i, DOT_DOT)) {
        if (size > 0 && !isName(kept[size - 1], DOT_DOT)) {
          size--;
          continue;
        }
        if (isAbsolute()) {
          continue; // there is nothing above the root
        }
      }
      kept[size++] = i;
    }
    return size == count ? this : with(join(kept, size));
  }

  private byte[] join(int[] names, int count) {
    int length = isAbsolute() ? 1 : 0;
    for (int i = 0; i < count; i++) {
      length += end(names[i]) - starts()[names[i]] + (i > 0 ? 1 : 0);
    }
    byte[] joined = new byte[length];
    int at = 0;
    if (isAbsolute()) {
      joined[at++] = '/';
    }
    for (int i = 0; i < count; i++) {
      if (i > 0) {
        joined[at++] = '/';
      }
      int from = starts()[names[i]];
      int size = end(names[i]) - from;
      System.arraycopy(bytes, from, joined, at, size);
      at += size;
    }
    return joined;
  }

  @Override
  public Path resolve(Path other) {
    ComposefsPath that = of(other);
    if (that.isAbsolute() || isEmpty()) {
      return that;
    }
    if (that.isEmpty()) {
      return this;
    }
    boolean slash = !isRoot();
    byte[] joined = Arrays.copyOf(bytes, bytes.length + (slash ? 1 : 0) + that.bytes.length);
    joined[bytes.length] = '/';
    System.arraycopy(that.bytes, 0, joined, bytes.length + (slash ? 1 : 0), that.bytes.length);
    return with(joined);
  }

  @Override
  public Path relativize(Path other) {
    ComposefsPath that = of(other);
    if (that.isAbsolute() != isAbsolute()) {
      throw new IllegalArgumentException("one path is absolute, the other is not");
    }
    if (that.equals(this)) {
      return with(NOTHING);
    }
    if (isEmpty()) {
      return that;
    }
    ComposefsPath from = of(normalize());
    ComposefsPath to = of(that.normalize());
    if (from.isEmpty()) {
      return to;
    }
    int mine = from.getNameCount();
    int theirs = to.isEmpty() ? 0 : to.getNameCount();
    int common = 0;
    while (common < Math.min(mine, theirs) && from.isName(common, to.name(common))) {
      common++;
    }
    StringBuilder up = new StringBuilder();
    for (int i = common; i < mine; i++) {
      if (from.isName(i, DOT_DOT)) {
        throw new IllegalArgumentException(
            "nobody knows what is above " + this + " without looking");
      }
      up.append(i > common ? "/.." : "..");
    }
    Path result = with(FileName.encode(up.toString()));
    return common < theirs ? result.resolve(to.subpath(common, theirs)) : result;
  }

  /** {@return a URI whose percent-encoded bytes are the path's, if the image was opened by one} */
  @Override
  public URI toUri() {
    return fileSystem.uri(of(toAbsolutePath()).bytes);
  }

  /** {@return this path from the root: it is where relative paths start} */
  @Override
  public Path toAbsolutePath() {
    return isAbsolute() ? this : fileSystem.root().resolve(this);
  }

  @Override
  public Path toRealPath(LinkOption... options) throws IOException {
    return fileSystem.resolver().realPath(this, ComposefsFileSystem.follows(options));
  }

  @Override
  public WatchKey register(
      WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
    throw new UnsupportedOperationException("an image never changes");
  }

  @Override
  public int compareTo(Path other) {
    return Arrays.compareUnsigned(bytes, ((ComposefsPath) other).bytes);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ComposefsPath that
        && that.fileSystem == fileSystem
        && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** {@return the bytes as text, by the rule of {@link FileName#decode}} */
  @Override
  public String toString() {
    String known = text;
    if (known == null) {
      known = FileName.decode(bytes);
      text = known;
    }
    return known;
  }
}
