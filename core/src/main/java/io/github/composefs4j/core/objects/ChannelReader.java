package io.github.composefs4j.core.objects;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Content that is an open channel. An interrupted read closes it, as channels do. */
record ChannelReader(FileChannel channel) implements ObjectReader {
  @Override
  public long size() throws IOException {
    return channel.size();
  }

  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, offset, length);
    while (buffer.hasRemaining()
        && channel.read(buffer, position + buffer.position() - offset) >= 0) {}
    return buffer.position() - offset;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
