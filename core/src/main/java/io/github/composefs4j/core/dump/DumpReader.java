package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DumpFormatException;
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
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads dumps: one pass, one line in memory. Errors name line, column and reason; the first one
 * ends it.
 *
 * <p>Where the C tools are lenient about numbers, short digests, NULs by escape and hard links to
 * directories, this is strict (dump-format.md 9.3, L1, L2, L4, L5, L7, L9, L10).
 */
public final class DumpReader {
  private static final long U32 = 0xffff_ffffL;
  private static final long ANY = -1L;
  private static final int MODE_MAX = 0xffff;

  private final DumpOptions options;
  private final LineReader lines;
  private final String source;
  private final DumpLine line;
  private final XattrColumns xattrs = new XattrColumns();
  private final PendingLinks links;
  private final HexText hex = new HexText();
  private final byte[] digestBytes = new byte[64];
  private @Nullable Directory root;

  // The parent of the line before, by the raw text of its path, and the directory that line made.
  private byte[] parentText = new byte[256];
  private int parentTextLength = -1;
  private @Nullable Directory parent;
  private int parentDepth;

  private DumpReader(ReadableByteChannel channel, String source, DumpOptions options) {
    this.options = options;
    this.source = source;
    this.lines = new LineReader(channel, source);
    this.line = new DumpLine(source);
    this.links = new PendingLinks(source);
  }

  /**
   * {@return the tree that a dump describes}
   *
   * @param channel blocking, read to its end, not closed
   * @param source what messages call the dump
   * @throws DumpFormatException if it breaks a rule
   * @throws IOException if the channel fails
   */
  public static FileTree read(ReadableByteChannel channel, String source, DumpOptions options)
      throws IOException {
    return new DumpReader(channel, source, options).read();
  }

  private FileTree read() throws IOException {
    while (lines.next()) {
      if (options.strict() && !lines.terminated()) {
        throw new DumpFormatException(source, lines.number(), 0, "no line feed at the end");
      }
      line.cut(lines);
      readLine();
    }
    if (root == null) {
      throw new DumpFormatException(source, 0, 0, "no line at all");
    }
    links.resolve(root);
    try {
      return FileTree.of(root);
    } catch (InvalidTreeException e) {
      throw new DumpFormatException(source, 0, 0, e.getMessage());
    }
  }

  private void readLine() throws IOException {
    if (line.length(DumpLine.PATH) == 0) {
      throw line.error(DumpLine.PATH, "empty path");
    }
    boolean link = line.length(DumpLine.MODE) > 0 && line.bytes()[line.start(DumpLine.MODE)] == '@';
    byte[] path =
        LineReader.find(
                    (byte) '\\', line.bytes(), line.start(DumpLine.PATH), line.end(DumpLine.PATH))
                < line.end(DumpLine.PATH)
            ? line.unescapeText(DumpLine.PATH)
            : null;
    int mode = mode(link);
    byte[] name =
        path == null
            ? locate(line.bytes(), line.start(DumpLine.PATH), line.end(DumpLine.PATH), mode, link)
            : locate(path, 0, path.length, mode, link);
    if (link) {
      readLink(name);
      return;
    }
    Inode inode = inode(mode);
    if (name.length == 0) {
      root = (Directory) inode;
      return;
    }
    try {
      parentOfLine().add(name, inode);
    } catch (InvalidTreeException e) {
      throw line.error(DumpLine.PATH, e.getMessage());
    }
  }

  private Directory root() throws DumpFormatException {
    if (root == null) {
      throw line.error(DumpLine.PATH, "the first entry is not the root '/'");
    }
    return root;
  }

  private Directory parentOfLine() {
    if (parent == null) {
      throw new IllegalStateException("located before");
    }
    return parent;
  }

  private int mode(boolean link) throws DumpFormatException {
    int mode =
        (int)
            line.number(
                DumpLine.MODE,
                line.start(DumpLine.MODE) + (link ? 1 : 0),
                line.end(DumpLine.MODE),
                8,
                MODE_MAX);
    return switch (mode & Inode.S_IFMT) {
      case Inode.S_IFDIR,
          Inode.S_IFREG,
          Inode.S_IFLNK,
          Inode.S_IFCHR,
          Inode.S_IFBLK,
          Inode.S_IFIFO,
          Inode.S_IFSOCK ->
          mode;
      default ->
          throw line.error(DumpLine.MODE, "'" + line.text(DumpLine.MODE) + "' has no known type");
    };
  }

  /**
   * Finds the parent of a path and returns the last name; empty for the root.
   *
   * @param path array that holds the path; the raw line if nothing in it is escaped
   */
  private byte[] locate(byte[] path, int from, int to, int mode, boolean link)
      throws DumpFormatException {
    int slash = to - 1;
    while (slash >= from && path[slash] != '/') {
      slash--;
    }
    if (to - from == 1 && slash == from) {
      checkRoot(mode, link);
      return new byte[0];
    }
    root();
    int parentEnd = Math.max(slash, from);
    if (parent == null
        || !Arrays.equals(parentText, 0, Math.max(parentTextLength, 0), path, from, parentEnd)
        || parentTextLength < 0) {
      parent = walkTo(path, from, parentEnd);
      int length = parentEnd - from;
      if (length > parentText.length) {
        parentText = new byte[2 * length];
      }
      System.arraycopy(path, from, parentText, 0, length);
      parentTextLength = length;
    }
    byte[] name = Arrays.copyOfRange(path, slash + 1, to);
    if (name.length == 0) {
      throw line.error(DumpLine.PATH, "'" + line.text(DumpLine.PATH) + "' ends in a slash");
    }
    if (parentDepth >= Limits.DEPTH_MAX && (mode & Inode.S_IFMT) == Inode.S_IFDIR) {
      throw line.error(DumpLine.PATH, "directories are nested deeper than " + Limits.DEPTH_MAX);
    }
    return name;
  }

  private void checkRoot(int mode, boolean link) throws DumpFormatException {
    if (root != null) {
      throw line.error(DumpLine.PATH, "a second root");
    }
    if (link || (mode & Inode.S_IFMT) != Inode.S_IFDIR) {
      throw line.error(DumpLine.MODE, "the root must be a directory");
    }
  }

  private Directory walkTo(byte[] path, int from, int to) throws DumpFormatException {
    Directory directory = root();
    int depth = 0;
    for (int at = from; at < to; ) {
      int end = LineReader.find((byte) '/', path, at, to);
      if (end > at) {
        byte[] name = Arrays.copyOfRange(path, at, end);
        if (directory.position(name) < 0) {
          throw line.error(
              DumpLine.PATH, "the parent of '" + line.text(DumpLine.PATH) + "' is missing");
        }
        if (!(directory.find(name) instanceof Directory below)) {
          throw line.error(
              DumpLine.PATH, "the parent of '" + line.text(DumpLine.PATH) + "' is no directory");
        }
        directory = below;
        depth++;
      }
      at = end + 1;
    }
    parentDepth = depth;
    return directory;
  }

  private void readLink(byte[] name) throws IOException {
    int type = mode(true) & Inode.S_IFMT;
    if (type == Inode.S_IFDIR) {
      throw line.error(DumpLine.MODE, "directories cannot be hard-linked");
    }
    if (line.isAbsent(DumpLine.PAYLOAD)) {
      throw line.error(DumpLine.PAYLOAD, "a hard link without a target");
    }
    byte[] target = line.unescapeText(DumpLine.PAYLOAD);
    try {
      parentOfLine().reserveLink(name);
    } catch (InvalidTreeException e) {
      throw line.error(DumpLine.PATH, e.getMessage());
    }
    links.add(parentOfLine(), name, target, line.number());
  }

  private Inode inode(int mode) throws IOException {
    long size = line.number(DumpLine.SIZE, ANY);
    int nlink = (int) line.number(DumpLine.NLINK, U32);
    int uid = (int) line.number(DumpLine.UID, U32);
    int gid = (int) line.number(DumpLine.GID, U32);
    int rdev = (int) line.number(DumpLine.RDEV, U32);
    int type = mode & Inode.S_IFMT;
    if (options.strict() && rdev != 0 && type != Inode.S_IFCHR && type != Inode.S_IFBLK) {
      throw line.error(DumpLine.RDEV, "a device number on what is no device");
    }
    int dot =
        LineReader.find(
            (byte) '.', line.bytes(), line.start(DumpLine.MTIME), line.end(DumpLine.MTIME));
    long seconds = seconds(dot);
    int nanos = (int) line.number(DumpLine.MTIME, dot + 1, line.end(DumpLine.MTIME), 10, U32);
    Stat stat = new Stat(mode & Stat.PERMISSION_BITS, nlink, uid, gid, seconds, nanos);
    Digest object = type == Inode.S_IFREG && size != 0 ? canonicalObject() : null;
    if (object != null) {
      return objectFile(stat, size, object);
    }
    byte[] content = null;
    byte[] payload = null;
    if (!line.isAbsent(DumpLine.PAYLOAD)) {
      payload = line.unescapeText(DumpLine.PAYLOAD);
      if (payload.length > Limits.PAYLOAD_MAX && type != Inode.S_IFLNK) {
        throw line.error(DumpLine.PAYLOAD, "longer than " + Limits.PAYLOAD_MAX + " bytes");
      }
    }
    if (!line.isAbsent(DumpLine.CONTENT)) {
      content = content(type, size);
    }
    Digest digest = digest(type == Inode.S_IFREG && content == null && size != 0);
    XattrSet set = xattrs.read(line);
    try {
      return switch (type) {
        case Inode.S_IFDIR -> new Directory(stat, set);
        case Inode.S_IFLNK -> symlink(stat, set, size, payload, content);
        case Inode.S_IFCHR -> Device.character(stat, set, rdev).withSize(size);
        case Inode.S_IFBLK -> Device.block(stat, set, rdev).withSize(size);
        case Inode.S_IFIFO -> new Fifo(stat, set, size);
        case Inode.S_IFSOCK -> new Socket(stat, set, size);
        default -> file(stat, set, size, payload, content, digest);
      };
    } catch (DumpFormatException e) {
      throw e;
    } catch (ComposefsException e) {
      throw line.error(type == Inode.S_IFLNK ? DumpLine.PAYLOAD : DumpLine.SIZE, e.getMessage());
    }
  }

  private RegularFile objectFile(Stat stat, long size, Digest digest) throws IOException {
    XattrSet set = xattrs.read(line);
    try {
      return RegularFile.external(stat, set, size, digest);
    } catch (InvalidTreeException e) {
      throw line.error(DumpLine.SIZE, e.getMessage());
    }
  }

  private long seconds(int dot) throws DumpFormatException {
    int from = line.start(DumpLine.MTIME);
    if (dot == line.end(DumpLine.MTIME)) {
      throw line.error(DumpLine.MTIME, "'" + line.text(DumpLine.MTIME) + "' has no '.'");
    }
    boolean negative = dot > from && line.bytes()[from] == '-';
    // -2^63 is a time, 2^63 is not
    long limit = negative ? Long.MIN_VALUE : Long.MAX_VALUE;
    long value = line.number(DumpLine.MTIME, from + (negative ? 1 : 0), dot, 10, limit);
    return negative ? -value : value;
  }

  private byte @Nullable [] content(int type, long size) throws DumpFormatException {
    byte[] content = line.unescape(DumpLine.CONTENT);
    if (content.length != size && !(type == Inode.S_IFLNK && content.length == 0)) {
      throw line.error(
          DumpLine.CONTENT,
          "content of " + content.length + " bytes, but size " + Long.toUnsignedString(size));
    }
    if (content.length > Limits.INLINE_MAX && type != Inode.S_IFLNK) {
      throw line.error(
          DumpLine.CONTENT, "content of " + content.length + " bytes exceeds " + Limits.INLINE_MAX);
    }
    return content.length == 0 ? null : content;
  }

  private Symlink symlink(
      Stat stat, XattrSet set, long size, byte @Nullable [] target, byte @Nullable [] content)
      throws ComposefsException {
    if (target == null) {
      throw line.error(DumpLine.PAYLOAD, "a symlink without a target");
    }
    if (options.strict() && (size != target.length || content != null)) {
      throw line.error(
          DumpLine.SIZE,
          "a symlink has the size of its target, " + target.length + ", and no content");
    }
    return new Symlink(stat, set, target);
  }

  private static RegularFile file(
      Stat stat,
      XattrSet set,
      long size,
      byte @Nullable [] payload,
      byte @Nullable [] content,
      @Nullable Digest digest)
      throws ComposefsException {
    if (content != null) {
      return RegularFile.inline(stat, set, content);
    }
    if (size == 0) {
      return RegularFile.empty(stat, set);
    }
    byte[] path = payload == null || payload.length == 0 ? null : payload;
    Content where =
        path == null && digest == null ? new Content.Sparse() : new Content.External(path, digest);
    return RegularFile.of(stat, set, size, where);
  }

  /** Whether PAYLOAD is the text of DIGEST with a slash after two digits. */
  private boolean isObjectPath(int digits) {
    if (line.length(DumpLine.PAYLOAD) != digits + 1) {
      return false;
    }
    byte[] bytes = line.bytes();
    int path = line.start(DumpLine.PAYLOAD);
    int text = line.start(DumpLine.DIGEST);
    return bytes[path + 2] == '/'
        && bytes[path] == bytes[text]
        && bytes[path + 1] == bytes[text + 1]
        && Arrays.equals(bytes, path + 3, path + 1 + digits, bytes, text + 2, text + digits);
  }

  /** The file of a line like most: its object is where the digest says, and nothing is escaped. */
  private @Nullable Digest canonicalObject() {
    int size = options.algorithm().size();
    if (line.length(DumpLine.DIGEST) != 2 * size
        || !line.isAbsent(DumpLine.CONTENT)
        || !isObjectPath(2 * size)
        || !hex.decode(line.bytes(), line.start(DumpLine.DIGEST), digestBytes, size)
        || !hex.isLowerCase()) {
      return null;
    }
    return Digest.of(options.algorithm(), digestBytes, 0);
  }

  private @Nullable Digest digest(boolean used) throws DumpFormatException {
    if (line.isAbsent(DumpLine.DIGEST)) {
      return null;
    }
    int from = line.start(DumpLine.DIGEST);
    int to = line.end(DumpLine.DIGEST);
    byte[] text = line.bytes();
    if (LineReader.find((byte) '\\', text, from, to) < to) {
      text = line.unescapeText(DumpLine.DIGEST);
      from = 0;
      to = text.length;
    }
    if (!used) {
      return null;
    }
    int size = options.algorithm().size();
    if (to - from != 2 * size || !hex.decode(text, from, digestBytes, size)) {
      throw line.error(
          DumpLine.DIGEST,
          "'" + line.text(DumpLine.DIGEST) + "' is not " + 2 * size + " hex digits");
    }
    return Digest.of(options.algorithm(), digestBytes, 0);
  }
}
