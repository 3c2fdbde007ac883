package io.github.composefs4j.core.erofs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * The image as it leaves: a window that is filled and passed on in order. Bytes of {@link #buffer}
 * from {@link #at} on are zero, so that padding is skipping.
 */
final class ImageOutput {
  /** Receives each full window, and may keep the array. */
  interface Sink {
    void accept(byte[] bytes, int length) throws IOException;
  }

  private static final int WINDOW = 1 << 20;

  private final Sink sink;
  private byte[] buffer = new byte[WINDOW];
  private int at;
  private long start;

  ImageOutput(Sink sink) {
    this.sink = sink;
  }

  /** {@return a sink that writes everything to {@code channel}} */
  static Sink to(WritableByteChannel channel) {
    return (bytes, length) -> {
      ByteBuffer all = ByteBuffer.wrap(bytes, 0, length);
      while (all.hasRemaining()) {
        channel.write(all);
      }
    };
  }

  /** {@return how many bytes of the image there are} */
  long position() {
    return start + at;
  }

  /** Makes room for {@code size} bytes and returns where they start in {@link #buffer()}. */
  int reserve(int size) throws IOException {
    if (buffer.length - at < size) {
      flush();
      if (buffer.length < size) {
        buffer = new byte[size];
      }
    }
    return at;
  }

  byte[] buffer() {
    return buffer;
  }

  /** Says how far the bytes reach that were put after {@link #reserve}. */
  void advanceTo(int end) {
    at = end;
  }

  /** Puts zeros up to this position of the image. */
  void padTo(long position) throws IOException {
    long missing = position - position();
    if (missing < 0) {
      throw new IllegalStateException("at " + position() + ", beyond " + position);
    }
    while (missing > 0) {
      int step = (int) Math.min(missing, WINDOW);
      advanceTo(reserve(step) + step);
      missing -= step;
    }
  }

  void write(byte[] bytes, int offset, int length) throws IOException {
    int to = reserve(length);
    System.arraycopy(bytes, offset, buffer, to, length);
    advanceTo(to + length);
  }

  void flush() throws IOException {
    sink.accept(buffer, at);
    buffer = new byte[buffer.length]; // faster than zeros put by code of the first compiler
    start += at;
    at = 0;
  }
}
