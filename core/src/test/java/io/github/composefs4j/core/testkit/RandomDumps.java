package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.tree.FileTree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Writes random dumps and the digests of our images of them, for a comparison with another tool.
 */
public final class RandomDumps {
  private RandomDumps() {}

  /** Arguments: directory, number of dumps, seed of the first. */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
      RandomGenerator random =
          RandomGeneratorFactory.of("L64X128MixRandom").create(Long.parseLong(args[2]) + i);
      FileTree tree = i % 2 == 0 ? RandomTrees.usual(random) : RandomTrees.dumpable(random);
      try (OutputStream out = Files.newOutputStream(directory.resolve(i + ".dump"))) {
        DumpWriter.write(tree, out);
      }
      FileTree read = TestImages.parse(Files.readAllBytes(directory.resolve(i + ".dump")));
      String digest =
          ImageWriter.write(
                  read, ImageOptions.DEFAULT, Channels.newChannel(new ByteArrayOutputStream()))
              .digest()
              .hex();
      Files.writeString(directory.resolve(i + ".digest"), digest + "\n");
    }
  }
}
