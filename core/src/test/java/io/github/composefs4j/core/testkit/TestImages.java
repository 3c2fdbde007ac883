package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.tree.FileTree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;

/** Images and dumps in memory. */
public final class TestImages {
  private TestImages() {}

  /** {@return the image of a tree} */
  public static byte[] write(FileTree tree, ImageOptions options) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageWriter.write(tree, options, Channels.newChannel(out));
    return out.toByteArray();
  }

  /** {@return an image over these bytes} */
  public static ErofsImage open(byte[] bytes, String name, ImageProfile profile)
      throws IOException {
    return ErofsImage.open(ImageBytes.of(bytes, name), profile);
  }

  /** {@return a composefs image over these bytes} */
  public static ErofsImage open(byte[] bytes) throws IOException {
    return open(bytes, "test.cfs", ImageProfile.COMPOSEFS);
  }

  /** {@return the tree of a dump} */
  public static FileTree parse(String dump) throws IOException {
    return parse(dump.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** {@return the tree of a dump} */
  public static FileTree parse(byte[] dump) throws IOException {
    return DumpReader.read(Vectors.channel(dump), "test.dump", DumpOptions.DEFAULT);
  }

  /**
   * {@return the dump of a tree; equal trees have equal dumps, apart from which name of an inode is
   * its own}
   */
  public static String dump(FileTree tree) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      DumpWriter.write(tree, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.ISO_8859_1);
  }
}
