package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.Executor;

/** What one thread needs to put objects: buffers and a hash. Reusable; for one thread. */
public final class ObjectWorker {
  static final int BUFFER = 1 << 18;

  /** Files above this size are worth the help of other threads. */
  private static final int PARALLEL = 4 << 20;

  private static final int PAGE = 4096;
  private static final long UNKNOWN = -1;

  final VerityHasher hasher;
  private final Executor helpers;
  private final int parallelism;
  byte[] buffer = new byte[BUFFER];
  private byte[] other = new byte[0];

  /** A worker for objects of this algorithm that does all in its own thread. */
  public ObjectWorker(HashAlgorithm algorithm) {
    this(algorithm, Runnable::run, 1);
  }

  /**
   * A worker for objects of this algorithm that has others help with large files.
   *
   * @param helpers as for {@link VerityDigests#digest}
   * @param parallelism how many threads hash one file at most, this one included
   */
  public ObjectWorker(HashAlgorithm algorithm, Executor helpers, int parallelism) {
    this.hasher = new VerityHasher(algorithm);
    this.helpers = helpers;
    this.parallelism = parallelism;
  }

  /**
   * {@return the digest of a file}
   *
   * @throws SourceChangedException if it has not its size
   */
  public Digest digest(ObjectSource source) throws IOException {
    if (source.size() > PARALLEL) {
      Digest digest =
          digestLarge(
              (position, into, offset, length) -> read(source, position, into, offset, length),
              source);
      checkEnd(source);
      return digest;
    }
    hasher.reset();
    long position = 0;
    while (position <= source.size()) {
      int read = fill(source, position, buffer.length);
      hasher.update(buffer, 0, read);
      position += read;
      if (read < buffer.length) {
        break;
      }
    }
    Digest digest = hasher.digest();
    checkSize(source, position);
    return digest;
  }

  private Digest digestLarge(VerityDigests.Source bytes, ObjectSource source) throws IOException {
    try {
      return VerityDigests.digest(
          bytes, source.size(), hasher.algorithm(), hasher.blockSize(), helpers, parallelism);
    } catch (EOFException e) {
      throw new SourceChangedException(
          source.path(), "changed while it was read: " + e.getMessage());
    }
  }

  /** Reads until the buffer has {@code wanted} bytes or the source ends. */
  int fill(ObjectSource source, long position, int wanted) throws IOException {
    return read(source, position, buffer, 0, wanted);
  }

  private static int read(ObjectSource source, long position, byte[] into, int offset, int wanted)
      throws IOException {
    try {
      return readFully(source.file(), position, into, offset, wanted, source.size());
    } catch (IOException e) {
      throw new ComposefsException(source.path() + ": " + e.getMessage(), e);
    }
  }

  /** Hashes a copy of a source that is in a temporary file. */
  Digest hash(TemporaryFile temporary, ObjectSource source) throws IOException {
    Digest digest =
        digestLarge(
            (position, into, offset, length) -> {
              int filled = 0;
              int read;
              do {
                read = temporary.read(position + filled, into, offset + filled, length - filled);
                filled += read;
              } while (read > 0 && filled < length);
              return filled;
            },
            source);
    // A clone is of the whole file, which may have grown, and shrunk again since.
    checkSize(source, source.size() + temporary.read(source.size(), buffer, 0, 1));
    return digest;
  }

  /** {@return the digest of an open file} */
  Digest digest(HostFile file) throws IOException {
    hasher.reset();
    long position = 0;
    int read;
    while ((read = readFully(file, position, buffer, 0, buffer.length, UNKNOWN)) > 0) {
      hasher.update(buffer, 0, read);
      position += read;
    }
    return hasher.digest();
  }

  /** {@return whether a file begins with {@code length} bytes of the buffer and ends there} */
  boolean same(HostFile file, long position, int length) throws IOException {
    if (other.length <= length) {
      other = new byte[Math.max(BUFFER, length + 1)];
    }
    int wanted = length + (length < buffer.length ? 1 : 0);
    int read = readFully(file, position, other, 0, wanted, UNKNOWN);
    return Arrays.equals(buffer, 0, length, other, 0, read);
  }

  /** {@return whether a temporary file begins with {@code length} bytes of the buffer} */
  boolean same(TemporaryFile file, int length) throws IOException {
    if (other.length < BUFFER) {
      other = new byte[BUFFER];
    }
    for (int done = 0; done < length; ) {
      int read = file.read(done, other, 0, Math.min(BUFFER, length - done));
      if (read <= 0 || !Arrays.equals(buffer, done, done + read, other, 0, read)) {
        return false;
      }
      done += read;
    }
    return true;
  }

  /** Makes the buffer one of {@code most} bytes unless it has {@code size}. */
  void room(int size, int most) {
    if (buffer.length < size) {
      buffer = new byte[most];
    }
  }

  /**
   * Reads until there are {@code wanted} bytes or the file ends.
   *
   * @param end where it is expected to end
   */
  private static int readFully(
      HostFile file, long position, byte[] into, int offset, int wanted, long end)
      throws IOException {
    int filled = 0;
    while (filled < wanted) {
      int read = file.read(position + filled, into, offset + filled, wanted - filled);
      if (read <= 0) {
        break;
      }
      filled += read;
      if (position + filled == end && filled % PAGE != 0) {
        break; // what stops inside of a page stops at the end of the file: no need to ask again
      }
    }
    return filled;
  }

  static void checkSize(ObjectSource source, long read) throws SourceChangedException {
    if (read != source.size()) {
      throw new SourceChangedException(
          source.path(),
          "changed while it was read: " + read + " bytes or more instead of " + source.size());
    }
  }

  /** Some ways of reading stop at the size that was asked for, whatever the file has by now. */
  static void checkEnd(ObjectSource source) throws IOException {
    int beyond = source.file().read(source.size(), new byte[1], 0, 1);
    checkSize(source, source.size() + Math.max(0, beyond));
  }
}
