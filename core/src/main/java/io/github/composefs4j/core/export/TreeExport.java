package io.github.composefs4j.core.export;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.TargetDirectory;
import io.github.composefs4j.core.spi.TargetDirectory.TargetFile;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes a tree into an empty directory of the host: content, hard links, owners, permissions,
 * times, extended attributes, devices. Every object is verified as it is written; blocks are shared
 * with it where the file system can, and runs of zeros become holes.
 *
 * <p>If anything fails, what was written is removed.
 */
public final class TreeExport {
  private static final int BLOCK = 4096;
  private static final int BUFFER = 1 << 18;
  private static final byte[] TRUSTED_OPAQUE = FileName.encode("trusted.overlay.opaque");
  private static final byte[] USER_OPAQUE = FileName.encode("user.overlay.opaque");
  private static final byte[] SELF = TargetDirectory.self();

  private final ObjectStore objects;
  private final Platform platform;
  private final Metadata metadata;
  private final Verifier verifier;
  private final Progress progress;
  private final IdentityHashMap<Inode, List<byte[]>> firstNames = new IdentityHashMap<>();
  private boolean clones = true;
  private long cloned;
  private long files;
  private long bytes;
  private long skipped;

  private TreeExport(Platform platform, ObjectStore objects, Metadata metadata, Progress progress) {
    this.platform = platform;
    this.objects = objects;
    this.metadata = metadata;
    this.progress = progress;
    this.verifier = new Verifier(VerifyOptions.defaults());
  }

  /** What becomes of metadata that this process or the file system is not allowed to set. */
  public enum Metadata {
    /** It is an error. */
    COMPLETE,
    /** Owners, attributes and devices are left out, and counted. */
    AS_ALLOWED
  }

  /**
   * What was written.
   *
   * @param inodes files of any kind
   * @param bytes content of regular files
   * @param cloned files that share blocks with their objects
   * @param skipped owners, attributes and devices that were left out
   */
  public record Result(long inodes, long bytes, long cloned, long skipped) {}

  /** Hears how far an export is, in the thread that calls it. */
  @FunctionalInterface
  public interface Progress {
    /** Some more is written. */
    void update(long inodes, long bytes);
  }

  /** Writes a tree as the other form does, in silence. */
  public static Result write(
      FileTree tree, Platform platform, Path target, ObjectStore objects, Metadata metadata)
      throws IOException {
    return write(tree, platform, target, objects, metadata, (_, _) -> {});
  }

  /**
   * Writes {@code tree} into a directory.
   *
   * @param target is made if it is missing, otherwise empty
   * @param objects the content
   * @throws DigestMismatchException if an object is damaged
   * @throws ComposefsException if the directory is not empty
   * @throws UnsupportedOperationException if this platform cannot write trees with all metadata
   */
  public static Result write(
      FileTree tree,
      Platform platform,
      Path target,
      ObjectStore objects,
      Metadata metadata,
      Progress progress)
      throws IOException {
    TreeExport export = new TreeExport(platform, objects, metadata, progress);
    try (TargetDirectory root = platform.openTarget(target)) {
      if (!root.isEmpty()) {
        throw new ComposefsException(target + " is not empty");
      }
      try {
        export.directory(tree.root(), root);
      } catch (IOException | RuntimeException e) {
        try {
          root.removeAll();
        } catch (IOException again) {
          e.addSuppressed(again);
        }
        throw e;
      }
    }
    return new Result(export.files, export.bytes, export.cloned, export.skipped);
  }

  /** One directory on the way down. */
  private static final class Level {
    final Directory source;
    final TargetDirectory target;
    int next;

    Level(Directory source, TargetDirectory target) {
      this.source = source;
      this.target = target;
    }
  }

  private void directory(Directory root, TargetDirectory target) throws IOException {
    List<Level> levels = new ArrayList<>();
    List<byte[]> path = new ArrayList<>();
    levels.add(new Level(root, target));
    try {
      while (true) {
        Level level = levels.getLast();
        if (level.next == level.source.size()) {
          // Last of all, since entries change the times, and modes may close the directory.
          metadata(level.target, SELF, level.source, path);
          if (levels.size() == 1) {
            return;
          }
          level.target.close();
          levels.removeLast();
          path.removeLast();
          continue;
        }
        int i = level.next++;
        byte[] name = level.source.name(i);
        path.add(name);
        if (level.source.child(i) instanceof Directory below) {
          try {
            levels.add(new Level(below, level.target.makeDirectory(name)));
          } catch (IOException e) {
            throw named(path, e);
          }
          continue;
        }
        entry(target, level.target, level.source.child(i), path);
        progress.update(files, bytes);
        path.removeLast();
      }
    } finally {
      for (Level level : levels.subList(1, levels.size())) {
        level.target.close();
      }
    }
  }

  private static IOException named(List<byte[]> path, IOException e) {
    String text = text(path);
    return e instanceof ComposefsException && String.valueOf(e.getMessage()).startsWith(text)
        ? e
        : new ComposefsException(text + ": " + e.getMessage(), e);
  }

  private static String text(List<byte[]> path) {
    StringBuilder text = new StringBuilder();
    for (byte[] name : path) {
      text.append('/').append(FileName.printable(name));
    }
    return text.isEmpty() ? "/" : text.toString();
  }

  private void entry(TargetDirectory root, TargetDirectory target, Inode inode, List<byte[]> path)
      throws IOException {
    byte[] name = path.getLast();
    List<byte[]> first = firstNames.putIfAbsent(inode, List.copyOf(path));
    try {
      if (first != null) {
        link(root, first, target, name);
      } else if (make(target, name, inode)) {
        metadata(target, name, inode, path);
      }
    } catch (DigestMismatchException e) {
      throw e;
    } catch (IOException e) {
      throw named(path, e);
    }
  }

  private void link(TargetDirectory root, List<byte[]> first, TargetDirectory target, byte[] name)
      throws IOException {
    List<TargetDirectory> opened = new ArrayList<>();
    try {
      TargetDirectory from = root;
      for (byte[] part : first.subList(0, first.size() - 1)) {
        from = from.openDirectory(part);
        opened.add(from);
      }
      target.link(from, first.getLast(), name);
    } finally {
      for (TargetDirectory directory : opened) {
        directory.close();
      }
    }
  }

  /** {@return false if it had to be left out} */
  private boolean make(TargetDirectory target, byte[] name, Inode inode) throws IOException {
    files++;
    switch (inode) {
      case RegularFile file -> {
        try (TargetFile made = target.makeFile(name)) {
          content(file, made);
        }
        bytes += file.size();
      }
      case Symlink symlink -> target.makeSymlink(name, symlink.target());
      default -> {
        int rdev = inode instanceof Device device ? device.rdev() : 0;
        return allowed(target.makeNode(name, inode.mode(), rdev), "a device");
      }
    }
    return true;
  }

  private boolean allowed(boolean done, String what) throws ComposefsException {
    if (!done) {
      if (metadata == Metadata.COMPLETE) {
        throw new ComposefsException(what + " may not be made or set here");
      }
      skipped++;
    }
    return done;
  }

  private void metadata(TargetDirectory target, byte[] name, Inode inode, List<byte[]> path)
      throws IOException {
    try {
      // In this order: a change of owner takes away set-id bits and capabilities.
      allowed(target.setOwner(name, inode.uid(), inode.gid()), "the owner");
      boolean marked = inode instanceof Directory directory && hasWhiteouts(directory);
      for (XattrSet.Cursor c = inode.xattrs().cursor(); c.next(); ) {
        if (marked && isOpaqueMark(c)) {
          continue;
        }
        allowed(
            target.setXattr(name, c.name(), c.value()),
            "attribute " + FileName.printable(c.name()));
      }
      if (!(inode instanceof Symlink)) {
        target.setMode(name, inode.mode() & Stat.PERMISSION_BITS);
      }
      target.setTime(name, inode.mtimeSeconds(), inode.mtimeNanos());
    } catch (IOException e) {
      throw named(path, e);
    }
  }

  private static boolean hasWhiteouts(Directory directory) {
    for (int i = 0; i < directory.size(); i++) {
      if (directory.child(i) instanceof Device device && device.isWhiteout()) {
        return true;
      }
    }
    return false;
  }

  /** What images of format 1 say of directories with whiteouts, and no source ever said. */
  private static boolean isOpaqueMark(XattrSet.Cursor c) {
    return c.valueLength() == 1
        && c.array()[c.valueOffset()] == 'x'
        && (c.nameEquals(TRUSTED_OPAQUE) || c.nameEquals(USER_OPAQUE));
  }

  private void content(RegularFile file, TargetFile made) throws IOException {
    switch (file.content()) {
      case Content.Inline inline -> made.write(0, inline.bytes(), 0, inline.bytes().length);
      case Content.Sparse _ -> made.setSize(file.size());
      case Content.Blocks blocks -> copy(blocks.source(), file.size(), made);
      case Content.External external -> {
        Digest digest = external.digest();
        if (digest == null) {
          throw new ComposefsException("its object has no digest to verify it by");
        }
        byte[] path = ownPath(external.path(), digest);
        if (path != null || !cloned(digest, file.size(), made)) {
          ObjectReader content = path == null ? objects.open(digest) : objects.openPath(path);
          try (VerifiedReader object =
              verifier.open(content, digest, file.size(), "object " + digest.hex())) {
            object.copyTo((position, from, count) -> writeSparse(made, position, from, count));
          }
          made.setSize(file.size());
        }
      }
    }
  }

  /** {@return the path of an object that has another than that of its digest, otherwise null} */
  private static byte @Nullable [] ownPath(byte @Nullable [] path, Digest digest) {
    if (path == null) {
      return null;
    }
    int start = 0;
    while (start < path.length && path[start] == '/') {
      start++;
    }
    byte[] relative = Arrays.copyOfRange(path, start, path.length);
    return Arrays.equals(relative, digest.objectPath()) ? null : relative;
  }

  private static void copy(Content.Source source, long size, TargetFile made) throws IOException {
    byte[] buffer = new byte[BUFFER];
    for (long at = 0; at < size; ) {
      int count = source.read(at, buffer, 0, (int) Math.min(buffer.length, size - at));
      if (count <= 0) {
        throw new ComposefsException("its content ends at " + at);
      }
      writeSparse(made, at, buffer, count);
      at += count;
    }
    made.setSize(size);
  }

  /** Leaves out whole blocks of zeros. */
  private static void writeSparse(TargetFile made, long position, byte[] from, int count)
      throws IOException {
    int start = 0;
    for (int at = 0; at < count; at += BLOCK) {
      int end = Math.min(count, at + BLOCK);
      if (isZero(from, at, end)) {
        made.write(position + start, from, start, at - start);
        start = end;
      }
    }
    made.write(position + start, from, start, count - start);
  }

  private static boolean isZero(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * Shares the blocks of an object; verified is the copy, which nobody else can change.
   *
   * @return false if that cannot be, or the object is not sound; then nothing is written
   */
  private boolean cloned(Digest digest, long size, TargetFile made) throws IOException {
    Optional<Path> directory = clones ? objects.directory() : Optional.empty();
    if (directory.isEmpty()) {
      return false;
    }
    Path object =
        directory.get().resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
    try (HostFile host = platform.openFile(object)) {
      if (!made.cloneFrom(host)) {
        clones = false;
        return false;
      }
    } catch (IOException e) {
      return false; // the store itself will tell, or has it elsewhere
    }
    if (!digest.equals(digest(made, digest, size))) {
      made.setSize(0);
      return false;
    }
    cloned++;
    return true;
  }

  /** {@return the digest of a file if it has this size, otherwise null} */
  private static @Nullable Digest digest(TargetFile made, Digest like, long size)
      throws IOException {
    VerityHasher hasher = new VerityHasher(like.algorithm());
    byte[] buffer = new byte[BUFFER];
    long at = 0;
    int count;
    while ((count = made.read(at, buffer, 0, buffer.length)) > 0) {
      hasher.update(buffer, 0, count);
      at += count;
    }
    return at == size ? hasher.digest() : null;
  }
}
