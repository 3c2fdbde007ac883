package io.github.composefs4j.core.stream;

import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes a splitstream (splitstream.md, section 4). Holds its compressed body and the open inline
 * chunk in memory. For one thread.
 */
public final class SplitStreamWriter {
  private final HashAlgorithm algorithm;
  private final long contentType;
  private final StreamCodec codec;
  private final Map<Digest, Integer> objects = new LinkedHashMap<>();
  private final Map<Digest, Integer> streams = new LinkedHashMap<>();
  private final Map<byte[], Integer> names = new TreeMap<>(Arrays::compareUnsigned);
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private final ByteArrayOutputStream inline = new ByteArrayOutputStream();
  private OutputStream compressed;
  private long size;
  private boolean hasBody;

  /**
   * An empty stream.
   *
   * @param contentType see {@link ContentType}
   */
  public SplitStreamWriter(HashAlgorithm algorithm, long contentType, StreamCodec codec)
      throws IOException {
    this.algorithm = algorithm;
    this.contentType = contentType;
    this.codec = codec;
    this.compressed = codec.compress(body);
  }

  /** Adds bytes to the content. Adjacent ones become one chunk. */
  public void inline(byte[] bytes, int offset, int length) {
    inline.write(bytes, offset, length);
    size += length;
  }

  /** Adds an object to the content; the caller stores it. */
  public void external(Digest digest, long length) throws IOException {
    flush();
    chunk(index(objects, digest));
    size = Math.addExact(size, length);
  }

  /** Keeps an object alive that the content does not use. */
  public void keep(Digest digest) {
    index(objects, digest);
  }

  /** Keeps an object alive under a name; a name that was used before now means this. */
  public void reference(String name, Digest digest) {
    if (name.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("a name with NUL");
    }
    names.put(name.getBytes(StandardCharsets.UTF_8), index(streams, digest));
  }

  private static int index(Map<Digest, Integer> table, Digest digest) {
    return table.computeIfAbsent(digest, _ -> table.size());
  }

  private void chunk(long value) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
    compressed.write(header.array());
    hasBody = true;
  }

  private void flush() throws IOException {
    if (inline.size() > 0) {
      chunk(-inline.size());
      inline.writeTo(compressed);
      inline.reset();
    }
  }

  /** Writes the stream. Nothing can be added afterwards. */
  public void finish(WritableByteChannel out) throws IOException {
    flush();
    compressed.close();
    byte[] bodyBytes = hasBody ? body.toByteArray() : SplitStream.EMPTY_FRAME;
    byte[] nameBytes = encodeNames();
    int width = algorithm.size();
    long streamsAt = SplitStream.HEADER + SplitStream.INFO;
    long objectsAt = streamsAt + (long) streams.size() * width;
    long namesAt = objectsAt + (long) objects.size() * width;
    long bodyAt = namesAt + nameBytes.length;
    int tables = (streams.size() + objects.size()) * width;
    ByteBuffer head = ByteBuffer.allocate((int) streamsAt + tables).order(ByteOrder.LITTLE_ENDIAN);
    head.put(SplitStream.MAGIC).put((byte) SplitStream.VERSION).putShort((short) 0);
    head.put((byte) algorithm.id()).put((byte) SplitStream.BLOCK_BITS);
    head.putLong(SplitStream.HEADER).putLong(streamsAt);
    head.putLong(streamsAt).putLong(objectsAt);
    head.putLong(objectsAt).putLong(namesAt);
    head.putLong(bodyAt).putLong(bodyAt + bodyBytes.length);
    head.putLong(namesAt).putLong(bodyAt);
    head.putLong(contentType).putLong(size);
    streams.keySet().forEach(digest -> head.put(digest.bytes()));
    objects.keySet().forEach(digest -> head.put(digest.bytes()));
    write(out, head.array());
    write(out, nameBytes);
    write(out, bodyBytes);
  }

  private static void write(WritableByteChannel out, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
  }

  private byte[] encodeNames() throws IOException {
    if (names.isEmpty()) {
      return SplitStream.EMPTY_FRAME;
    }
    ByteArrayOutputStream encoded = new ByteArrayOutputStream();
    try (OutputStream out = codec.compress(encoded)) {
      for (Map.Entry<byte[], Integer> name : names.entrySet()) {
        out.write((name.getValue() + ":").getBytes(StandardCharsets.US_ASCII));
        out.write(name.getKey());
        out.write(0);
      }
    }
    return encoded.toByteArray();
  }
}
