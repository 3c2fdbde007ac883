package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * An object directory of this machine. Thread-safe; many processes may fill one directory at once.
 *
 * <p>An object is written under a temporary name, or none, and appears whole under its final name,
 * which is the digest of the very bytes that were written: a source that changes meanwhile cannot
 * give an object a wrong name. An object that is there with the right size is trusted; one of
 * another size is replaced. Nothing is durable before {@link #sync}.
 */
public final class LocalObjectStore implements ObjectStore {
  /** Files up to this size are read once, and written only if the object is missing. */
  private static final int SMALL = 1 << 20;

  private static final int BUFFER = 1 << 18;

  /**
   * Objects found present less objects found absent, between these bounds: what the next one is
   * likely to be.
   */
  private static final int TREND_MAX = 8;

  private final Path path;
  private final StoreDirectory directory;
  private final HashAlgorithm algorithm;
  private final AtomicInteger trend = new AtomicInteger();
  private final LongAdder stored = new LongAdder();
  private final LongAdder present = new LongAdder();

  private LocalObjectStore(Path path, StoreDirectory directory, HashAlgorithm algorithm) {
    this.path = path;
    this.directory = directory;
    this.algorithm = algorithm;
  }

  /** {@return the store in a directory, which is made with its parents if it is missing} */
  public static LocalObjectStore open(Platform platform, Path path, HashAlgorithm algorithm)
      throws IOException {
    return new LocalObjectStore(path, platform.openStore(path), algorithm);
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  /** {@return how many objects were written} */
  public long stored() {
    return stored.sum();
  }

  /** {@return how many objects were there already} */
  public long present() {
    return present.sum();
  }

  /** What one thread needs to put objects: buffers and a hash. Reusable; for one thread. */
  public static final class Worker {
    private final VerityHasher hasher;
    private byte[] buffer = new byte[BUFFER];

    /** A worker for objects of this algorithm. */
    public Worker(HashAlgorithm algorithm) {
      hasher = new VerityHasher(algorithm);
    }

    /**
     * {@return the digest of a file}
     *
     * @throws SourceChangedException if it has not its size
     */
    public Digest digest(ObjectSource source) throws IOException {
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

    /** Reads until the buffer has {@code wanted} bytes or the source ends. */
    private int fill(ObjectSource source, long position, int wanted) throws IOException {
      int filled = 0;
      while (filled < wanted) {
        int read;
        try {
          read = source.file().read(position + filled, buffer, filled, wanted - filled);
        } catch (IOException e) {
          throw new ComposefsException(source.path() + ": " + e.getMessage(), e);
        }
        if (read <= 0) {
          break;
        }
        filled += read;
      }
      return filled;
    }

    /** Hashes what is in a temporary file. */
    private long hash(TemporaryFile temporary) throws IOException {
      long position = 0;
      while (true) {
        int read = temporary.read(position, buffer, 0, buffer.length);
        if (read <= 0) {
          return position;
        }
        hasher.update(buffer, 0, read);
        position += read;
      }
    }

    private void room(int size) {
      if (buffer.length < size) {
        buffer = new byte[SMALL + 1];
      }
    }
  }

  private static void checkSize(ObjectSource source, long read) throws SourceChangedException {
    if (read != source.size()) {
      throw new SourceChangedException(
          source.path(),
          "changed while it was read: " + read + " bytes or more instead of " + source.size());
    }
  }

  /**
   * Makes a file an object.
   *
   * @return the digest of the bytes that were read, which is the object's name
   * @throws SourceChangedException if the file has not its size
   */
  public Digest put(ObjectSource source, Worker worker) throws IOException {
    worker.hasher.reset();
    if (source.size() <= SMALL) {
      return putSmall(source, worker);
    }
    if (trend.get() > 0) {
      Digest digest = worker.digest(source);
      if (isPresent(digest, source.size())) {
        return digest;
      }
    }
    return putLarge(source, worker);
  }

  private Digest putSmall(ObjectSource source, Worker worker) throws IOException {
    int size = (int) source.size();
    worker.room(size + 1);
    int read = worker.fill(source, 0, size + 1);
    checkSize(source, read);
    worker.hasher.update(worker.buffer, 0, read);
    Digest digest = worker.hasher.digest();
    if (isPresent(digest, size)) {
      return digest;
    }
    try (TemporaryFile temporary = directory.create()) {
      temporary.write(worker.buffer, 0, read);
      publish(temporary, digest, size);
    }
    return digest;
  }

  /** Copies first, sharing blocks where possible, and hashes what was copied. */
  private Digest putLarge(ObjectSource source, Worker worker) throws IOException {
    try (TemporaryFile temporary = directory.create()) {
      if (temporary.cloneFrom(source.file())
          || temporary.copyRangeFrom(source.file(), source.size())) {
        long copied = worker.hash(temporary);
        return publishAs(worker.hasher.digest(), temporary, source, copied);
      }
    }
    // A copy that the kernel gave up may have left something: what follows starts with nothing.
    try (TemporaryFile temporary = directory.create()) {
      long copied = 0;
      int read;
      do {
        read = worker.fill(source, copied, worker.buffer.length);
        worker.hasher.update(worker.buffer, 0, read);
        temporary.write(worker.buffer, 0, read);
        copied += read;
      } while (read == worker.buffer.length && copied <= source.size());
      return publishAs(worker.hasher.digest(), temporary, source, copied);
    }
  }

  private Digest publishAs(Digest digest, TemporaryFile temporary, ObjectSource source, long copied)
      throws IOException {
    // A copy inside the kernel stops at the size that was asked for, whatever the file has by now.
    int beyond = source.file().read(copied, new byte[1], 0, 1);
    checkSize(source, copied + Math.max(0, beyond));
    if (!isPresent(digest, copied)) {
      publish(temporary, digest, copied);
    }
    return digest;
  }

  private boolean isPresent(Digest digest, long size) throws IOException {
    boolean there = directory.fileSize(digest.objectPath()) == size;
    trend.getAndUpdate(t -> Math.clamp(t + (there ? 1 : -1), -TREND_MAX, TREND_MAX));
    if (there) {
      present.increment();
    }
    return there;
  }

  private void publish(TemporaryFile temporary, Digest digest, long size) throws IOException {
    byte[] path = digest.objectPath();
    if (!temporary.publish(path, algorithm, false)) {
      long other = directory.fileSize(path);
      if (other == size) {
        present.increment();
        return;
      }
      try {
        if (!temporary.publish(path, algorithm, true)) {
          throw new ComposefsException("object " + digest.hex() + ": could not be put in place");
        }
      } catch (IOException e) {
        // Nothing is opened to find out more: it might be a FIFO.
        throw other == StoreDirectory.NO_FILE
            ? new ComposefsException(
                "object "
                    + digest.hex()
                    + ": what is in its place, a directory perhaps, cannot be"
                    + " replaced",
                e)
            : e;
      }
    }
    stored.increment();
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    HostFile file;
    try {
      file = directory.open(digest.objectPath());
    } catch (NoSuchFileException e) {
      throw new MissingObjectException(digest.hex(), path.toString());
    }
    return new ObjectReader() {
      @Override
      public long size() throws IOException {
        return file.stat().size();
      }

      @Override
      public int read(long position, byte[] into, int offset, int length) throws IOException {
        int done = 0;
        int read;
        do {
          read = file.read(position + done, into, offset + done, length - done);
          done += read;
        } while (read > 0 && done < length);
        return done;
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, directory.fileSize(digests.get(i).objectPath()) >= 0);
    }
    return present;
  }

  @Override
  public Optional<Path> directory() {
    return Optional.of(path);
  }

  /** {@return whether there is a regular file of this size under the digest's name} */
  public boolean contains(Digest digest, long size) throws IOException {
    return directory.fileSize(digest.objectPath()) == size;
  }

  /** Makes all objects put so far durable, in one go. */
  public void sync() throws IOException {
    directory.sync();
  }

  @Override
  public void close() throws IOException {
    directory.close();
  }
}
