package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
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
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Builds the tree of an image. */
final class ImageTree {
  private final ErofsImage image;
  private final XattrSet.Interner interner = new XattrSet.Interner();
  private final XattrSet.Builder xattrs = new XattrSet.Builder(Limits.XATTR_BUDGET_STORED);

  private ImageTree(ErofsImage image) {
    this.image = image;
  }

  static FileTree of(ErofsImage image) throws IOException {
    return new ImageTree(image).read();
  }

  private FileTree read() throws IOException {
    Map<Long, Inode> byNid = new HashMap<>();
    Directory[] stack = new Directory[Limits.DEPTH_MAX + 2];
    ImageWalk walk = new ImageWalk(image);
    while (walk.next()) {
      int depth = walk.depth();
      ImageInode stored = walk.inode();
      try {
        if (walk.isRepeated()) {
          Inode known = byNid.get(stored.nid());
          if (known == null) {
            throw new IllegalStateException("met before, but not kept");
          }
          stack[depth - 1].link(name(walk), known);
          continue;
        }
        Inode inode = inode(stored);
        if (depth > 0) {
          stack[depth - 1].add(name(walk), inode);
        }
        if (inode instanceof Directory directory) {
          stack[depth] = directory;
        } else {
          byNid.put(stored.nid(), inode);
        }
      } catch (CorruptImageException e) {
        throw e;
      } catch (ComposefsException e) {
        throw stored.corrupt(e.getMessage());
      }
    }
    return FileTree.of(stack[0]);
  }

  private static byte[] name(ImageWalk walk) {
    int start = walk.pathLength();
    while (walk.pathArray()[start - 1] != '/') {
      start--;
    }
    return Arrays.copyOfRange(walk.pathArray(), start, walk.pathLength());
  }

  private Inode inode(ImageInode stored) throws IOException {
    ImageAttributes attributes = stored.attributes();
    xattrs.clear();
    for (int i = 0; i < attributes.size(); i++) {
      xattrs.set(attributes.name(i), attributes.value(i));
    }
    XattrSet set = interner.intern(xattrs.build());
    Stat stat =
        new Stat(
            stored.mode() & Stat.PERMISSION_BITS,
            stored.nlink(),
            stored.uid(),
            stored.gid(),
            stored.mtimeSeconds(),
            stored.mtimeNanos());
    if (attributes.isEscapedWhiteout()) {
      return Device.character(stat, set, 0);
    }
    return switch (stored.mode() & Inode.S_IFMT) {
      case Inode.S_IFDIR -> new Directory(stat, set);
      case Inode.S_IFLNK -> new Symlink(stat, set, stored.target());
      case Inode.S_IFCHR -> Device.character(stat, set, stored.rdev());
      case Inode.S_IFBLK -> Device.block(stat, set, stored.rdev());
      case Inode.S_IFIFO -> new Fifo(stat, set);
      case Inode.S_IFSOCK -> new Socket(stat, set);
      default -> file(stored, attributes, stat, set);
    };
  }

  private RegularFile file(ImageInode stored, ImageAttributes attributes, Stat stat, XattrSet set)
      throws IOException {
    if (stored.size() == 0) {
      return RegularFile.empty(stat, set);
    }
    if (stored.isExternal()) {
      byte[] path = attributes.path();
      Digest digest = attributes.digest();
      Content content =
          path == null && digest == null
              ? new Content.Sparse()
              : new Content.External(path, digest);
      return RegularFile.of(stat, set, stored.size(), content);
    }
    if (stored.size() <= Limits.INLINE_MAX) {
      return RegularFile.inline(stat, set, stored.content());
    }
    return RegularFile.of(stat, set, stored.size(), new Content.Blocks(stored::read));
  }
}
