package io.github.composefs4j.zstd;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The data frames of a Zstandard stream, without the skippable ones between them (RFC 8878, section
 * 3.1). The decoder behind it knows no skippable frames and takes a frame that is cut short, or a
 * few bytes of something else, for the end: both are errors here.
 */
final class DataFrames extends FilterInputStream {
  private static final int MAGIC = 0xfd2fb528;
  private static final int SKIPPABLE = 0x184d2a50;
  private static final int SKIPPABLE_MASK = 0xfffffff0;
  private static final int HEADER_MAX = 18;
  private static final int CHECKSUM = 4;

  /** Bytes of the field that holds the size of the content, by its flag. */
  private static final int[] CONTENT_SIZES = {0, 2, 4, 8};

  private static final int[] DICTIONARY_SIZES = {0, 1, 2, 4};

  /** Header bytes that were read to be understood, and go to the decoder. */
  private final byte[] header = new byte[HEADER_MAX];

  private int position;
  private int filled;

  /** Bytes of block content that go to the decoder as they are. */
  private long passing;

  private boolean inFrame;
  private boolean lastBlock;
  private boolean hasChecksum;

  DataFrames(InputStream in) {
    super(in);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (position == filled && passing == 0) {
      position = 0;
      filled = 0;
      if (!next()) {
        return -1;
      }
    }
    int part;
    if (position < filled) {
      part = Math.min(length, filled - position);
      System.arraycopy(header, position, into, offset, part);
      position += part;
    } else {
      part = in.read(into, offset, (int) Math.min(length, passing));
      if (part <= 0) {
        throw cut();
      }
      passing -= part;
    }
    return part;
  }

  private static EOFException cut() {
    return new EOFException("a frame is cut short");
  }

  /** Goes to the next block, end of frame or frame; false where the stream may end. */
  private boolean next() throws IOException {
    if (!inFrame) {
      return nextFrame();
    }
    if (!lastBlock) {
      need(3);
      int block = header[0] & 0xff | (header[1] & 0xff) << 8 | (header[2] & 0xff) << 16;
      lastBlock = (block & 1) != 0;
      boolean repeated = (block >> 1 & 3) == 1;
      passing = repeated ? 1 : block >> 3;
      return true;
    }
    inFrame = false;
    if (hasChecksum) {
      need(CHECKSUM);
    }
    return true;
  }

  private boolean nextFrame() throws IOException {
    int first = in.read();
    if (first < 0) {
      return false;
    }
    header[0] = (byte) first;
    filled = 1;
    need(3);
    int magic = int32(0);
    if ((magic & SKIPPABLE_MASK) == SKIPPABLE) {
      need(4);
      long size = Integer.toUnsignedLong(int32(4));
      filled = 0;
      in.skipNBytes(size);
      return true;
    }
    if (magic != MAGIC) {
      throw new IOException("no frame where one must begin");
    }
    need(1);
    int descriptor = header[4] & 0xff;
    boolean singleSegment = (descriptor & 0x20) != 0;
    hasChecksum = (descriptor & 4) != 0;
    int contentFlag = descriptor >> 6;
    int contentSize = contentFlag == 0 && singleSegment ? 1 : CONTENT_SIZES[contentFlag];
    need((singleSegment ? 0 : 1) + DICTIONARY_SIZES[descriptor & 3] + contentSize);
    inFrame = true;
    lastBlock = false;
    return true;
  }

  private int int32(int at) {
    return header[at] & 0xff
        | (header[at + 1] & 0xff) << 8
        | (header[at + 2] & 0xff) << 16
        | header[at + 3] << 24;
  }

  private void need(int count) throws IOException {
    if (in.readNBytes(header, filled, count) < count) {
      throw cut();
    }
    filled += count;
  }

  @Override
  public long skip(long count) throws IOException {
    long skipped = 0;
    byte[] buffer = new byte[512];
    while (skipped < count) {
      int read = read(buffer, 0, (int) Math.min(buffer.length, count - skipped));
      if (read < 0) {
        break;
      }
      skipped += read;
    }
    return skipped;
  }

  @Override
  public int available() {
    return 0;
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
