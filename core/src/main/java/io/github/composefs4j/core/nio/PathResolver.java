package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * From paths to inodes, as {@code path_resolution(7)} has it: symlinks on the way are followed, 40
 * of them at most, {@code ..} leads to the directory above the one that was reached. Thread-safe.
 */
final class PathResolver {
  /** The kernel's MAXSYMLINKS. */
  private static final int LINKS_MAX = 40;

  /** The reason that {@code ENOTDIR} has as text. */
  static final String NO_DIRECTORY = "Not a directory";

  private final ErofsImage image;

  PathResolver(ErofsImage image) {
    this.image = image;
  }

  /** A directory that was entered, or what the path leads to, with the way there. */
  private static final class Walk {
    final List<ImageInode> inodes = new ArrayList<>();
    final List<byte[]> names = new ArrayList<>();
    final ArrayDeque<byte[]> ahead = new ArrayDeque<>();

    void up() {
      if (inodes.size() > 1) {
        inodes.removeLast();
        names.removeLast();
      }
    }

    /** Puts the names of a path in front of what is still to do. */
    void prepend(byte[] path) {
      int end = path.length;
      if (end > 0 && path[end - 1] == '/') {
        ahead.addFirst(new byte[] {'.'}); // what is named with a slash must be a directory
      }
      while (end > 0) {
        int start = end;
        while (start > 0 && path[start - 1] != '/') {
          start--;
        }
        if (start < end) {
          ahead.addFirst(Arrays.copyOfRange(path, start, end));
        }
        end = start - 1;
      }
    }
  }

  /**
   * {@return the inode that a path leads to}
   *
   * @param follow whether to follow a symlink at the end
   * @throws NoSuchFileException if there is nothing
   * @throws FileSystemLoopException if there are too many symlinks
   * @throws FileSystemException if something on the way is no directory, or a name is too long
   */
  ImageInode resolve(ComposefsPath path, boolean follow) throws IOException {
    ImageInode known = path.knownInode();
    if (known != null && !(follow && known.isSymlink())) {
      return known;
    }
    return walk(path, follow).inodes.getLast();
  }

  /** {@return the inode that a path leads to, or null if there is nothing} */
  @Nullable ImageInode resolveIfExists(ComposefsPath path, boolean follow) throws IOException {
    try {
      return resolve(path, follow);
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private Walk walk(ComposefsPath path, boolean follow) throws IOException {
    Walk walk = new Walk();
    walk.inodes.add(image.root());
    walk.prepend(path.bytes());
    int links = 0;
    while (!walk.ahead.isEmpty()) {
      byte[] name = walk.ahead.removeFirst();
      ImageInode directory = walk.inodes.getLast();
      if (!directory.isDirectory()) {
        throw new FileSystemException(path.toString(), null, NO_DIRECTORY);
      }
      if (isDots(name, 1)) {
        continue;
      }
      if (isDots(name, 2)) {
        walk.up();
        continue;
      }
      ImageInode inode = lookup(directory, name, path);
      if (inode.isSymlink() && (follow || !walk.ahead.isEmpty())) {
        if (++links > LINKS_MAX) {
          throw new FileSystemLoopException(path.toString());
        }
        byte[] target = inode.target();
        if (target[0] == '/') {
          walk.inodes.subList(1, walk.inodes.size()).clear();
          walk.names.clear();
        }
        walk.prepend(target);
        continue;
      }
      walk.inodes.add(inode);
      walk.names.add(name);
    }
    return walk;
  }

  private static boolean isDots(byte[] name, int count) {
    return name.length == count && name[0] == '.' && name[count - 1] == '.';
  }

  private static ImageInode lookup(ImageInode directory, byte[] name, ComposefsPath path)
      throws IOException {
    if (name.length > Limits.NAME_MAX) {
      throw new FileSystemException(path.toString(), null, "File name too long");
    }
    ImageInode inode = directory.lookup(name);
    if (inode == null || isHidden(inode)) {
      throw new NoSuchFileException(path.toString());
    }
    return inode;
  }

  /** {@return whether a mount does not show this inode: it takes it for a whiteout} */
  static boolean isHidden(ImageInode inode) {
    return inode.isStoredWhiteout();
  }

  /**
   * {@return an absolute path without {@code .}, and without {@code ..} unless a symlink precedes}
   */
  ComposefsPath realPath(ComposefsPath path, boolean follow) throws IOException {
    if (follow) {
      return join(path.getFileSystem(), walk(path, true).names);
    }
    resolve(path, false);
    List<byte[]> kept = new ArrayList<>();
    Walk names = new Walk();
    names.prepend(path.bytes());
    for (byte[] name : names.ahead) {
      if (isDots(name, 1)) {
        continue;
      }
      boolean isUp = isDots(name, 2);
      if (isUp && kept.isEmpty()) {
        continue;
      }
      if (isUp
          && !isDots(kept.getLast(), 2)
          && !resolve(join(path.getFileSystem(), kept), false).isSymlink()) {
        kept.removeLast();
      } else {
        kept.add(name);
      }
    }
    return join(path.getFileSystem(), kept);
  }

  private static ComposefsPath join(ComposefsFileSystem fileSystem, List<byte[]> names) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write('/');
    for (byte[] name : names) {
      bytes.writeBytes(name);
      bytes.write('/');
    }
    return ComposefsPath.of(fileSystem, bytes.toByteArray());
  }
}
