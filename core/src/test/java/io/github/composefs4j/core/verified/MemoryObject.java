package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** An object whose bytes a test changes at will, and that counts what is read of it. */
class MemoryObject implements ObjectReader {
  volatile byte[] bytes;
  final AtomicLong read = new AtomicLong();
  volatile boolean closed;
  @Nullable Digest kernel;

  MemoryObject(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    if (closed) {
      throw new AssertionError("read after close");
    }
    byte[] now = bytes;
    int count = (int) Math.max(0, Math.min(length, now.length - position));
    if (count > 0) {
      System.arraycopy(now, (int) position, into, offset, count);
    }
    read.addAndGet(count);
    return count;
  }

  @Override
  public Optional<Digest> kernelDigest() {
    return Optional.ofNullable(kernel);
  }

  @Override
  public void close() {
    closed = true;
  }
}
