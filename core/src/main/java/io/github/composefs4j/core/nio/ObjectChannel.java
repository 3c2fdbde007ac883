package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileSystemException;
import java.util.Objects;

/**
 * The content of a regular file, read-only. Positional reads run in parallel; a wrong block fails
 * the read that starts in it, and what precedes it is still delivered.
 */
final class ObjectChannel extends FileChannel {
  private static final int BUFFER = 1 << 18;

  /** Reads of this size are shared by threads below here. */
  private static final int TRANSFER = 1 << 20;

  private final ObjectReader content;
  private final long size;
  private final String name;
  private final Runnable onClose;
  private final Object positionLock = new Object();
  private long position;

  /**
   * A channel that owns its content.
   *
   * @param size what the image says; content has as many bytes, or reading it fails
   * @param name the path, for messages
   */
  ObjectChannel(ObjectReader content, long size, String name, Runnable onClose) {
    this.content = content;
    this.size = size;
    this.name = name;
    this.onClose = onClose;
  }

  private void requireOpen() throws IOException {
    if (!isOpen()) {
      throw new java.nio.channels.ClosedChannelException();
    }
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    synchronized (positionLock) {
      int read = read(into, position);
      position += Math.max(0, read);
      return read;
    }
  }

  @Override
  public long read(ByteBuffer[] into, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, into.length);
    synchronized (positionLock) {
      long total = 0;
      for (int i = offset; i < offset + length; i++) {
        while (into[i].hasRemaining()) {
          int read = read(into[i], position);
          if (read < 0) {
            return total == 0 ? -1 : total;
          }
          position += read;
          total += read;
        }
      }
      return total;
    }
  }

  @Override
  public int read(ByteBuffer into, long from) throws IOException {
    if (from < 0) {
      throw new IllegalArgumentException("position " + from);
    }
    requireOpen();
    if (into.isReadOnly()) {
      throw new IllegalArgumentException("Read-only buffer");
    }
    if (!into.hasRemaining()) {
      return 0;
    }
    if (from >= size) {
      return -1;
    }
    int wanted = (int) Math.min(into.remaining(), size - from);
    if (into.hasArray()) {
      int read = fill(from, into.array(), into.arrayOffset() + into.position(), wanted);
      into.position(into.position() + read);
      return read;
    }
    byte[] buffer = new byte[Math.min(wanted, TRANSFER)];
    int done = 0;
    while (done < wanted) {
      int part = Math.min(buffer.length, wanted - done);
      int read = fill(from + done, buffer, 0, part);
      into.put(buffer, 0, read);
      done += read;
      if (read < part) {
        break;
      }
    }
    return done;
  }

  /** {@return the number of bytes read: all that were asked for, or those before a wrong block} */
  private int fill(long from, byte[] into, int offset, int length) throws IOException {
    boolean completed = false;
    try {
      begin();
      int read = fillOrFail(from, into, offset, length);
      completed = true;
      return read;
    } finally {
      end(completed);
    }
  }

  private int fillOrFail(long from, byte[] into, int offset, int length) throws IOException {
    try {
      int read = content.read(from, into, offset, length);
      if (read < length) {
        throw new ComposefsException("has " + (from + read) + " bytes instead of " + size);
      }
      return read;
    } catch (DigestMismatchException e) {
      long good = e.block() * VerityHasher.BLOCK_SIZE - from;
      if (e.block() == DigestMismatchException.WHOLE || good <= 0 || good >= length) {
        throw failure(e);
      }
      return fillOrFail(from, into, offset, (int) good);
    } catch (ComposefsException e) {
      throw failure(e);
    }
  }

  private FileSystemException failure(ComposefsException e) {
    return ComposefsFileSystem.failure(name, e);
  }

  @Override
  public long position() throws IOException {
    requireOpen();
    synchronized (positionLock) {
      return position;
    }
  }

  @Override
  public FileChannel position(long newPosition) throws IOException {
    requireOpen();
    if (newPosition < 0) {
      throw new IllegalArgumentException("position " + newPosition);
    }
    synchronized (positionLock) {
      position = newPosition;
    }
    return this;
  }

  @Override
  public long size() throws IOException {
    requireOpen();
    return size;
  }

  @Override
  public long transferTo(long from, long count, WritableByteChannel target) throws IOException {
    requireOpen();
    if (!target.isOpen()) {
      throw new java.nio.channels.ClosedChannelException();
    }
    if (target instanceof FileChannel file && file == this) {
      throw new NonWritableChannelException();
    }
    if (from < 0 || count < 0) {
      throw new IllegalArgumentException(count + " bytes from " + from);
    }
    long total = Math.min(count, size - from);
    if (total <= 0) {
      return 0;
    }
    byte[] buffer = new byte[(int) Math.min(TRANSFER, total)];
    long done = 0;
    while (done < total) {
      int read = fill(from + done, buffer, 0, (int) Math.min(buffer.length, total - done));
      ByteBuffer part = ByteBuffer.wrap(buffer, 0, read);
      while (part.hasRemaining()) {
        int written = target.write(part);
        done += written;
        if (written == 0) {
          return done; // a target that does not block is full
        }
      }
    }
    return done;
  }

  /**
   * Not supported: a mapping would show what is in the file at any later time, and nobody would
   * check it.
   */
  @Override
  public MappedByteBuffer map(MapMode mode, long from, long length) {
    throw new UnsupportedOperationException(
        "a mapped buffer could not be held to the digest; map(mode, offset, size, arena) copies");
  }

  /** {@return a copy of the range in memory of the arena, checked} It is no mapping of the file. */
  @Override
  public MemorySegment map(MapMode mode, long from, long length, Arena arena) throws IOException {
    requireOpen();
    if (mode.equals(MapMode.READ_WRITE)) {
      throw new NonWritableChannelException();
    }
    if (from < 0 || length < 0 || from > size - length) {
      throw new IllegalArgumentException(length + " bytes from " + from + " of " + size);
    }
    MemorySegment copy = arena.allocate(length, VerityHasher.BLOCK_SIZE);
    byte[] buffer = new byte[(int) Math.min(BUFFER, length)];
    for (long done = 0; done < length; ) {
      int read = fill(from + done, buffer, 0, (int) Math.min(buffer.length, length - done));
      MemorySegment.copy(buffer, 0, copy, ValueLayout.JAVA_BYTE, done, read);
      done += read;
    }
    return mode.equals(MapMode.READ_ONLY) ? copy.asReadOnly() : copy;
  }

  /** {@return a lock that is always given if it is shared: nobody can write} */
  @Override
  public FileLock tryLock(long from, long length, boolean shared) throws IOException {
    requireOpen();
    if (!shared) {
      throw new NonWritableChannelException();
    }
    return new FileLock(this, from, length, true) {
      private volatile boolean released;

      @Override
      public boolean isValid() {
        return !released && ObjectChannel.this.isOpen();
      }

      @Override
      public void release() throws IOException {
        requireOpen();
        released = true;
      }
    };
  }

  @Override
  public FileLock lock(long from, long length, boolean shared) throws IOException {
    return tryLock(from, length, shared);
  }

  @Override
  public void force(boolean metaData) {}

  @Override
  public int write(ByteBuffer from) {
    throw new NonWritableChannelException();
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) {
    throw new NonWritableChannelException();
  }

  @Override
  public int write(ByteBuffer from, long at) {
    throw new NonWritableChannelException();
  }

  @Override
  public FileChannel truncate(long newSize) {
    throw new NonWritableChannelException();
  }

  @Override
  public long transferFrom(ReadableByteChannel from, long at, long count) {
    throw new NonWritableChannelException();
  }

  @Override
  protected void implCloseChannel() throws IOException {
    onClose.run();
    content.close();
  }
}
