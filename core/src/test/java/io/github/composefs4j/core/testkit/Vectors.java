package io.github.composefs4j.core.testkit;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The golden files: inputs of this project, results of the reference tools. */
public final class Vectors {
  private Vectors() {}

  /** {@return the bytes of a file below {@code vectors/}} */
  public static byte[] bytes(String path) {
    try (InputStream in = Vectors.class.getResourceAsStream("/vectors/" + path)) {
      if (in == null) {
        throw new IllegalArgumentException("no vector " + path);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return a file of {@code vectors/images}} */
  public static byte[] image(String name) {
    return bytes("images/" + name);
  }

  /** {@return a channel over bytes} */
  public static ReadableByteChannel channel(byte[] bytes) {
    return Channels.newChannel(new ByteArrayInputStream(bytes));
  }

  /** {@return the rows of a table without its head, cut at tabs} */
  public static List<String[]> rows(String path) {
    return new String(bytes(path), StandardCharsets.UTF_8)
        .lines()
        .skip(1)
        .map(line -> line.split("\t", -1))
        .toList();
  }
}
