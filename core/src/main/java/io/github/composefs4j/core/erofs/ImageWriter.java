package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayDeque;

/**
 * Writes trees as images. The bytes depend on nothing but the tree and the version: equal trees
 * give equal images, those of the C tools and of composefs-rs (erofs-image.md).
 *
 * <p>Four phases, each with its own class: the inodes in order ({@code InodeTable}), their
 * attributes ({@code XattrTable}), all positions ({@code ImageLayout}), the bytes ({@code
 * ImageEmitter}).
 */
public final class ImageWriter {
  private ImageWriter() {}

  /**
   * Writes the image of {@code tree} to {@code out}, from front to back, without closing it, and in
   * part from another thread, which is done when this returns. Nothing is written before the tree
   * is known to be writable.
   *
   * @return what was written
   * @throws InvalidTreeException if the version cannot hold the tree
   * @throws IOException if {@code out} fails; what it holds then is no image
   */
  public static ImageSummary write(FileTree tree, ImageOptions options, WritableByteChannel out)
      throws IOException {
    FormatVersion version = options.minVersion();
    if (version == FormatVersion.V0
        && options.maxVersion() == FormatVersion.V1
        && hasWhiteout(tree.root())) {
      version = FormatVersion.V1;
    }
    InodeTable table = InodeTable.collect(tree, version);
    XattrTable xattrs = XattrTable.collect(table);
    ImageLayout layout = ImageLayout.plan(table, xattrs);
    HashAlgorithm algorithm = options.digest();
    Digest digest = null;
    if (algorithm == null) {
      emit(layout, ImageOutput.to(out));
    } else {
      VerityHasher hasher = new VerityHasher(algorithm);
      ImageOutput.Sink file = ImageOutput.to(out);
      emit(
          layout,
          (bytes, length) -> {
            file.accept(bytes, length);
            hasher.update(bytes, 0, length);
          });
      digest = hasher.digest();
    }
    return new ImageSummary(
        version, layout.blocks() * ImageLayout.BLOCK, table.inodes.length, digest);
  }

  private static void emit(ImageLayout layout, ImageOutput.Sink sink) throws IOException {
    BackgroundSink background = new BackgroundSink(sink);
    try {
      ImageEmitter.emit(layout, new ImageOutput(background));
      background.finish();
    } finally {
      background.abandon();
    }
  }

  /** Whether some entry that is not a further name is a whiteout (erofs-image.md, section 3). */
  private static boolean hasWhiteout(Directory root) {
    ArrayDeque<Directory> queue = new ArrayDeque<>();
    queue.add(root);
    for (Directory directory; (directory = queue.poll()) != null; ) {
      for (int i = 0; i < directory.size(); i++) {
        Inode child = directory.child(i);
        if (child instanceof Directory below) {
          queue.add(below);
        } else if (child instanceof Device device && device.isWhiteout() && !directory.isLink(i)) {
          return true;
        }
      }
    }
    return false;
  }
}
