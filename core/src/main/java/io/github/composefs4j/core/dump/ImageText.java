package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.dump.TextOutput.Escape;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageAttributes;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.NavigableSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What {@code composefs-info} prints of images (dump-format.md 11, 12). Streams over the image;
 * builds no tree. Filters take names of the root's entries; null takes all.
 */
public final class ImageText {
  private ImageText() {}

  /** Writes the dump of an image. */
  public static void dump(ErofsImage image, @Nullable Predicate<byte[]> filter, OutputStream out)
      throws IOException {
    DumpText text = new DumpText(out);
    ImageWalk walk = new ImageWalk(image, filter);
    while (walk.next()) {
      ImageInode inode = walk.inode();
      ImageAttributes attributes = inode.attributes();
      boolean whiteout = attributes.isEscapedWhiteout();
      boolean inline = inode.isRegular() && !inode.isExternal() && inode.size() > 0;
      byte[] payload = attributes.path();
      byte[] content = null;
      Digest digest = attributes.digest();
      if (inode.isSymlink()) {
        payload = inode.target();
      } else if (inline) {
        content = whiteout ? new byte[0] : inode.content();
      }
      text.path(walk.pathArray(), walk.pathLength());
      text.stat(
          whiteout ? 0 : inode.size(),
          walk.isRepeated(),
          whiteout ? inode.mode() & ~Inode.S_IFMT | Inode.S_IFCHR : inode.mode(),
          inode.nlink(),
          inode.uid(),
          inode.gid(),
          inode.rdev(),
          inode.mtimeSeconds(),
          inode.mtimeNanos());
      text.content(walk.isRepeated() ? walk.firstPath() : payload, content, digest);
      for (int i = 0; i < attributes.size(); i++) {
        text.xattr(attributes.name(i), attributes.value(i));
      }
      text.endLine();
    }
    text.flush();
  }

  /** Writes a line for every name in an image. */
  public static void list(ErofsImage image, @Nullable Predicate<byte[]> filter, OutputStream out)
      throws IOException {
    TextOutput text = new TextOutput(out);
    ImageWalk walk = new ImageWalk(image, filter);
    while (walk.next()) {
      if (walk.isRoot()) {
        continue;
      }
      ImageInode inode = walk.inode();
      text.escaped(walk.pathArray(), 0, walk.pathLength(), Escape.LISTED);
      if (inode.isDirectory()) {
        text.put('/');
        text.put('\t');
      } else if (!walk.isRepeated()) {
        listTarget(text, inode);
      }
      text.put('\n');
    }
    text.flush();
  }

  private static void listTarget(TextOutput text, ImageInode inode) throws IOException {
    if (inode.isSymlink()) {
      byte[] target = inode.target();
      text.put('\t');
      text.put('-');
      text.put('>');
      text.put(' ');
      text.escaped(target, 0, target.length, Escape.PLAIN);
      return;
    }
    byte[] path = inode.isExternal() ? inode.attributes().path() : null;
    if (path != null) {
      text.put('\t');
      text.put('@');
      text.put(' ');
      text.escaped(path, 0, path.length, Escape.PLAIN);
    }
  }

  /**
   * Adds the object paths of an image's regular files.
   *
   * @param objects ordered by {@link Arrays#compareUnsigned(byte[], byte[])}
   */
  public static void collectObjects(
      ErofsImage image, @Nullable Predicate<byte[]> filter, NavigableSet<byte[]> objects)
      throws IOException {
    ImageWalk walk = new ImageWalk(image, filter);
    while (walk.next()) {
      if (walk.inode().isRegular()) {
        byte[] path = walk.inode().attributes().path();
        if (path != null) {
          objects.add(path);
        }
      }
    }
  }
}
