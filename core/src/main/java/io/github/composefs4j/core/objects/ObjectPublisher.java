package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Gives temporary files the names of objects. What is there already stays if the policy finds it
 * sound, and is replaced otherwise. Thread-safe.
 */
final class ObjectPublisher {
  /**
   * Objects found present less objects found absent, between these bounds: what the next one is
   * likely to be.
   */
  private static final int TREND_MAX = 8;

  private final ObjectDirectory directory;
  private final HashAlgorithm algorithm;
  private final StorePolicy policy;
  private final AtomicInteger trend = new AtomicInteger();
  private volatile @Nullable Writeback writeback;
  final LongAdder present = new LongAdder();
  final LongAdder replaced = new LongAdder();

  ObjectPublisher(ObjectDirectory directory, HashAlgorithm algorithm, StorePolicy policy) {
    this.directory = directory;
    this.algorithm = algorithm;
    this.policy = policy;
  }

  /** Has objects written to disk as they come. */
  void writeBack(Writeback ahead) {
    writeback = ahead;
  }

  /** {@return whether the next object is more likely to be there than not} */
  boolean expectsPresent() {
    return trend.get() > 0;
  }

  void publishUnlessSound(
      Digest digest, TemporaryFile temporary, long size, ObjectWorker worker, LongAdder counter)
      throws IOException {
    boolean there = isThere(digest, size);
    if (there && isSound(digest, worker)) {
      present.increment();
      return;
    }
    publish(temporary, digest, size, there, worker, counter);
  }

  boolean isThere(Digest digest, long size) throws IOException {
    boolean there = directory.fileSize(digest) == size;
    // A vote that is lost to another thread changes nothing, and most are for what is known.
    int votes = trend.get();
    int now = Math.clamp(votes + (there ? 1 : -1), -TREND_MAX, TREND_MAX);
    if (now != votes) {
      trend.set(now);
    }
    return there;
  }

  interface Comparison {
    boolean matches(HostFile object) throws IOException;
  }

  /** Whether the object under this name is what its name says, asked of the kernel if it knows. */
  boolean isSound(Digest digest, Comparison comparison) throws IOException {
    if (!policy.contentChecked()) {
      return true;
    }
    try (HostFile object = directory.made().open(digest.objectPath())) {
      Digest measured = object.verityDigest().orElse(null);
      if (measured != null || policy.verityRequired()) {
        return digest.equals(measured);
      }
      return comparison.matches(object);
    } catch (IOException e) {
      return false; // what cannot be read is no object
    }
  }

  private boolean isSound(Digest digest, ObjectWorker worker) throws IOException {
    return isSound(digest, object -> worker.digest(object).equals(digest));
  }

  /** Compares with the source, which was just read: cheaper than another hash. */
  boolean isSound(Digest digest, ObjectSource source, ObjectWorker worker) throws IOException {
    return isSound(
        digest,
        object -> {
          long position = 0;
          int read;
          do {
            read = worker.fill(source, position, worker.buffer.length);
            if (!worker.same(object, position, read)) {
              return false;
            }
            position += read;
          } while (read == worker.buffer.length);
          return true;
        });
  }

  /**
   * Gives a temporary file the name of an object.
   *
   * @param size of the object
   * @param bad whether what is there now was found to be bad
   */
  void publish(
      TemporaryFile temporary,
      Digest digest,
      long size,
      boolean bad,
      ObjectWorker worker,
      LongAdder counter)
      throws IOException {
    byte[] name = digest.objectPath();
    Digest measured = temporary.seal(algorithm, policy.verityRequired()).orElse(null);
    if (measured != null && !measured.equals(digest)) {
      throw DigestMismatchException.whole("temporary object", digest.hex(), measured.hex());
    }
    if (bad || !temporary.publish(name, false)) {
      if (!bad && isSoundNewcomer(digest, temporary, worker)) {
        present.increment();
        return;
      }
      replace(temporary, digest);
      replaced.increment();
    }
    counter.increment();
    Writeback ahead = writeback;
    if (ahead != null) {
      ahead.stored(size);
    }
  }

  /** Whether what came under the name meanwhile, or has another size, can stay. */
  private boolean isSoundNewcomer(Digest digest, TemporaryFile temporary, ObjectWorker worker)
      throws IOException {
    long size = directory.fileSize(digest);
    return size >= 0
        && (size == 0 || temporary.read(size - 1, new byte[1], 0, 1) == 1)
        && temporary.read(size, new byte[1], 0, 1) == 0
        && isSound(digest, worker);
  }

  private void replace(TemporaryFile temporary, Digest digest) throws IOException {
    byte[] name = digest.objectPath();
    boolean noFile = directory.fileSize(digest) == StoreDirectory.NO_FILE;
    try {
      if (!temporary.publish(name, true)) {
        throw new ComposefsException("object " + digest.hex() + ": could not be put in place");
      }
    } catch (IOException e) {
      // Nothing is opened to find out more: it might be a FIFO.
      throw noFile
          ? new ComposefsException(
              "object "
                  + digest.hex()
                  + ": what is in its place, a directory perhaps, cannot be"
                  + " replaced",
              e)
          : e;
    }
  }
}
