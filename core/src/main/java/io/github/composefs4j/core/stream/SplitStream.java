package io.github.composefs4j.core.stream;

import io.github.composefs4j.core.errors.CorruptStreamException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A splitstream, open for reading (splitstream.md). Header, info and tables are read and checked
 * when it is opened; names and body are compressed and read when asked for. Immutable and
 * thread-safe; owns its reader.
 */
public final class SplitStream implements Closeable {
  static final byte[] MAGIC = "SplitStream".getBytes(StandardCharsets.US_ASCII);
  static final int HEADER = 32;
  static final int INFO = 80;
  static final int VERSION = 0;
  static final int BLOCK_BITS = 12;

  /** What libzstd makes of nothing; told without a codec. */
  static final byte[] EMPTY_FRAME = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0x20, 0, 1, 0, 0};

  private static final int OLD_MAGIC_AT = 18;
  private static final int OLD_VERSION_AT = 29;

  /** Most bytes of all names, uncompressed. */
  static final int NAMES_MAX = 16 << 20;

  /** Most bytes of one reference table: four million objects of SHA-256. */
  static final int TABLE_MAX = 1 << 27;

  private static final int BUFFER = 1 << 16;

  private final ObjectReader reader;
  private final String name;
  private final HashAlgorithm algorithm;
  private final long fileSize;
  private final long contentType;
  private final long size;
  private final List<Digest> streams;
  private final List<Digest> objects;
  private final Range body;
  private final Range names;

  private record Range(long start, long end) {
    long length() {
      return end - start;
    }
  }

  /**
   * Opens a stream over these bytes, which it closes, also when this fails.
   *
   * @param name what messages call it
   * @param algorithm that it must have
   * @throws CorruptStreamException if it breaks a rule
   */
  public static SplitStream open(ObjectReader reader, String name, HashAlgorithm algorithm)
      throws IOException {
    try {
      return new SplitStream(reader, name, algorithm);
    } catch (IOException | RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  private SplitStream(ObjectReader reader, String name, HashAlgorithm algorithm)
      throws IOException {
    this.reader = reader;
    this.name = name;
    this.algorithm = algorithm;
    this.fileSize = reader.size();
    byte[] headerBytes = read(new Range(0, HEADER), "header");
    ByteBuffer header = fields(headerBytes);
    Range infoRange;
    int version;
    if (startsWith(headerBytes, 0)) {
      version = MAGIC.length;
      infoRange = range(header, 16, "info section");
    } else if (startsWith(headerBytes, OLD_MAGIC_AT)) {
      version = OLD_VERSION_AT;
      infoRange = range(header, 0, "info section");
    } else {
      throw corrupt(0, "no splitstream", null);
    }
    boolean old = version == OLD_VERSION_AT;
    checkVersion(header, version, old ? 30 : 14, old ? 31 : 15);
    if (infoRange.length() < INFO) {
      throw corrupt(infoRange.start, "an info section of " + infoRange.length() + " bytes", null);
    }
    ByteBuffer info =
        fields(read(new Range(infoRange.start, infoRange.start + INFO), "info section"));
    Range streamRange = range(info, 0, "stream references");
    Range objectRange = range(info, 16, "object references");
    names = range(info, 48, "names");
    contentType = info.getLong(64);
    size = info.getLong(72);
    if (size < 0) {
      throw corrupt(infoRange.start, "a stream of " + Long.toUnsignedString(size) + " bytes", null);
    }
    // The reference reads a body that ends beyond the file up to the end of the file.
    long start = info.getLong(32);
    long end = info.getLong(40);
    if (start < 0 || start > fileSize || end < start) {
      throw corrupt(infoRange.start + 32, "the body is outside of the file", null);
    }
    body = new Range(start, Math.min(end, fileSize));
    streams = table(streamRange, "stream references");
    objects = table(objectRange, "object references");
    if (names.length() == 0) {
      throw corrupt(names.start, "no names, not even an empty frame", null);
    }
  }

  private static boolean startsWith(byte[] header, int at) {
    return Arrays.equals(header, at, at + MAGIC.length, MAGIC, 0, MAGIC.length);
  }

  private void checkVersion(ByteBuffer header, int version, int algorithmAt, int blockAt)
      throws IOException {
    if (header.get(version) != VERSION) {
      throw new UnsupportedFormatException(
          name, "splitstream version " + (header.get(version) & 0xff));
    }
    if (header.get(algorithmAt) != algorithm.id()) {
      throw corrupt(
          algorithmAt, "algorithm " + header.get(algorithmAt) + ", not " + algorithm.label(), null);
    }
    if (header.get(blockAt) != BLOCK_BITS) {
      throw corrupt(blockAt, "blocks of 2^" + (header.get(blockAt) & 0xff) + " bytes", null);
    }
  }

  private Range range(ByteBuffer from, int at, String what) throws CorruptStreamException {
    long start = from.getLong(at);
    long end = from.getLong(at + 8);
    if (start < 0 || end < start || end > fileSize) {
      throw corrupt(at, what + ": a range that is not inside the file", null);
    }
    return new Range(start, end);
  }

  private byte[] read(Range range, String what) throws IOException {
    if (range.end > fileSize) {
      throw corrupt(range.start, "the file ends inside the " + what, null);
    }
    byte[] bytes = new byte[(int) range.length()];
    if (reader.read(range.start, bytes, 0, bytes.length) < bytes.length) {
      throw corrupt(range.start, "the file ends inside the " + what, null);
    }
    return bytes;
  }

  private static ByteBuffer fields(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private List<Digest> table(Range range, String what) throws IOException {
    int width = algorithm.size();
    if (range.length() % width != 0 || range.length() > TABLE_MAX) {
      throw corrupt(range.start, what + " of " + range.length() + " bytes", null);
    }
    byte[] bytes = read(range, what);
    Digest[] digests = new Digest[bytes.length / width];
    for (int i = 0; i < digests.length; i++) {
      digests[i] = Digest.of(algorithm, bytes, i * width);
    }
    return List.of(digests);
  }

  private CorruptStreamException corrupt(long at, String reason, @Nullable Throwable cause) {
    return new CorruptStreamException(name, at, reason, cause);
  }

  /** {@return what the content is, see {@link ContentType}} */
  public long contentType() {
    return contentType;
  }

  /** {@return the size of the content in bytes, as the stream says} */
  public long size() {
    return size;
  }

  /** {@return the objects that the content uses, or that are kept alive, in stored order} */
  public List<Digest> objects() {
    return objects;
  }

  /** {@return the table that names refer to; what no name refers to means nothing} */
  public List<Digest> references() {
    return streams;
  }

  /** {@return whether {@link #names} needs a codec} */
  public boolean hasCompressedNames() throws IOException {
    return names.length() != EMPTY_FRAME.length
        || !Arrays.equals(read(names, "names"), EMPTY_FRAME);
  }

  /**
   * {@return the named references, in stored order}
   *
   * @param codec may be null for a stream without names
   */
  public List<NamedReference> names(@Nullable StreamCodec codec) throws IOException {
    if (!hasCompressedNames()) {
      return List.of();
    }
    byte[] text = decompressNames(require(codec));
    List<NamedReference> found = new ArrayList<>();
    for (int at = 0; at < text.length; ) {
      int end = at;
      while (end < text.length && text[end] != 0) {
        end++;
      }
      if (end == text.length) {
        throw corrupt(names.start, "the last name has no end", null);
      }
      found.add(named(text, at, end));
      at = end + 1;
    }
    return found;
  }

  private StreamCodec require(@Nullable StreamCodec codec) throws UnsupportedFormatException {
    if (codec == null) {
      throw new UnsupportedFormatException(name, "is compressed by zstd, and no codec is there");
    }
    return codec;
  }

  private byte[] decompressNames(StreamCodec codec) throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (InputStream in = codec.decompress(new Section(names))) {
      byte[] buffer = new byte[BUFFER];
      int read;
      while ((read = in.read(buffer)) > 0) {
        text.write(buffer, 0, read);
        if (text.size() > NAMES_MAX) {
          throw corrupt(names.start, "names of more than " + NAMES_MAX + " bytes", null);
        }
      }
    } catch (CorruptStreamException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw corrupt(names.start, "names: " + e.getMessage(), e);
    }
    return text.toByteArray();
  }

  private NamedReference named(byte[] text, int from, int end) throws CorruptStreamException {
    String record;
    try {
      record =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(text, from, end - from))
              .toString();
    } catch (CharacterCodingException e) {
      throw corrupt(names.start, "a name that is not UTF-8", e);
    }
    int colon = record.indexOf(':');
    // The reference reads a sign and leading zeros.
    if (colon < 1 || !record.substring(0, colon).matches("\\+?[0-9]{1,18}")) {
      throw corrupt(names.start, "a name without the number of its reference", null);
    }
    long index = Long.parseLong(record.substring(0, colon));
    if (index >= streams.size()) {
      throw corrupt(names.start, "reference " + index + " of " + streams.size(), null);
    }
    return new NamedReference(record.substring(colon + 1), streams.get((int) index));
  }

  /** Takes what the content is made of, in order. */
  public interface ChunkSink {
    /** Takes some bytes; a stored chunk may come in several parts. */
    void inline(byte[] bytes, int offset, int length) throws IOException;

    /**
     * Takes an object.
     *
     * @return the object's size
     */
    long external(Digest digest) throws IOException;
  }

  /**
   * Passes the body, and checks that it makes up exactly the size that the stream says.
   *
   * @throws CorruptStreamException if it breaks a rule; what came before was passed
   */
  public void read(@Nullable StreamCodec codec, ChunkSink sink) throws IOException {
    if (body.length() == 0) {
      throw corrupt(body.start, "no body, not even an empty frame", null);
    }
    long total = 0;
    byte[] buffer = new byte[BUFFER];
    try (InputStream in =
        isEmptyFrame(body)
            ? InputStream.nullInputStream()
            : require(codec).decompress(new Section(body))) {
      while (true) {
        int got = fill(in, buffer, 8);
        if (got == 0) {
          break;
        }
        if (got < 8) {
          throw corrupt(body.start, "the body ends inside the header of a chunk", null);
        }
        long value = ByteBuffer.wrap(buffer).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        if (value >= 0) {
          if (value >= objects.size()) {
            throw corrupt(body.start, "object " + value + " of " + objects.size(), null);
          }
          long length = sink.external(objects.get((int) value));
          total = add(total, length);
          continue;
        }
        long left = -value; // also of the smallest number, which stays negative
        total = add(total, left);
        while (left > 0) {
          int part = fill(in, buffer, (int) Math.min(left, buffer.length));
          if (part == 0) {
            throw corrupt(body.start, "the body ends inside a chunk", null);
          }
          sink.inline(buffer, 0, part);
          left -= part;
        }
      }
    }
    if (total != size) {
      throw corrupt(body.start, "content of " + total + " bytes instead of " + size, null);
    }
  }

  private boolean isEmptyFrame(Range range) throws IOException {
    return range.length() == EMPTY_FRAME.length && Arrays.equals(read(range, "body"), EMPTY_FRAME);
  }

  private long add(long total, long length) throws CorruptStreamException {
    if (length < 0 || length > size - total) {
      throw corrupt(body.start, "more content than the " + size + " bytes of the stream", null);
    }
    return total + length;
  }

  /** Reads until there are {@code wanted} bytes or the content ends. */
  private int fill(InputStream in, byte[] into, int wanted) throws IOException {
    try {
      return in.readNBytes(into, 0, wanted);
    } catch (IOException | RuntimeException e) {
      // A decoder's own exceptions may be unchecked.
      throw corrupt(body.start, "body: " + e.getMessage(), e);
    }
  }

  /** Copies objects. */
  @FunctionalInterface
  public interface ObjectCopier {
    /**
     * Writes all of an object, verified, to {@code out}.
     *
     * @return its size
     */
    long copy(Digest digest, OutputStream out) throws IOException;
  }

  /** Writes the content. Objects are verified by whoever copies them. */
  public void writeTo(@Nullable StreamCodec codec, ObjectCopier copier, OutputStream out)
      throws IOException {
    read(
        codec,
        new ChunkSink() {
          @Override
          public void inline(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
          }

          @Override
          public long external(Digest digest) throws IOException {
            return copier.copy(digest, out);
          }
        });
  }

  /** A section of the file as a stream. */
  private final class Section extends InputStream {
    private final byte[] buffer = new byte[BUFFER];
    private final long end;
    private long at;
    private int position;
    private int filled;

    Section(Range range) {
      at = range.start;
      end = range.end;
    }

    private boolean fill() throws IOException {
      if (position == filled) {
        filled = reader.read(at, buffer, 0, (int) Math.min(buffer.length, end - at));
        position = 0;
        at += filled;
      }
      return filled > 0;
    }

    @Override
    public int read() throws IOException {
      return fill() ? buffer[position++] & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (!fill()) {
        return -1;
      }
      int part = Math.min(length, filled - position);
      System.arraycopy(buffer, position, into, offset, part);
      position += part;
      return part;
    }
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
