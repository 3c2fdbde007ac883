package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * An object of a union. What is handed out was verified, so it does not matter that a read begins
 * with one store and the next goes on with another.
 */
final class UnionReader implements ObjectReader {
  private static final int COPY_BUFFER = 1 << 18;

  private final UnionObjectStore union;
  private final Digest digest;

  /** What became of the stores that were tried, for a message. */
  private final List<String> tried = new ArrayList<>();

  private final Queue<Source> toTry;
  private final Queue<Source> passedOver = new ArrayDeque<>();
  private @Nullable Attempt current;
  private @Nullable DigestMismatchException mismatch;
  private boolean unavailable;
  private boolean closed;

  /** An object as one store has it. */
  private static final class Attempt {
    final Source source;
    final VerifiedReader reader;
    boolean delivered;

    Attempt(Source source, VerifiedReader reader) {
      this.source = source;
      this.reader = reader;
    }
  }

  /** Opens the object in the first store that has it. */
  UnionReader(UnionObjectStore union, Digest digest) throws IOException {
    this.union = union;
    this.digest = digest;
    this.toTry = new ArrayDeque<>(union.sources);
    advance(null, null);
  }

  /** A read of one store. */
  private interface Use<T> {
    T of(VerifiedReader reader) throws IOException;
  }

  private <T> T use(Use<T> use) throws IOException {
    Attempt attempt;
    synchronized (this) {
      attempt = current;
    }
    while (true) {
      if (attempt == null) {
        throw new ClosedChannelException();
      }
      try {
        T result = use.of(attempt.reader);
        if (!attempt.delivered) {
          attempt.delivered = true;
          attempt.source.hits.increment();
        }
        return result;
      } catch (InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        attempt = advance(attempt, e);
      }
    }
  }

  /** Goes on to the next store, unless another thread has done so. */
  private synchronized @Nullable Attempt advance(
      @Nullable Attempt failed, @Nullable IOException why) throws IOException {
    if (current != failed || closed) {
      return current;
    }
    if (failed != null && why != null) {
      note(failed.source, why);
      current = null;
      failed.reader.close();
    }
    while (true) {
      Source source = nextSource();
      if (source == null) {
        throw nowhere();
      }
      try {
        Attempt attempt = open(source);
        current = attempt;
        return attempt;
      } catch (InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        note(source, e);
      }
    }
  }

  /**
   * The next store to ask. When all were asked in vain, once more those that were passed over for
   * not having answered before, if a trial finds that they do now.
   */
  private @Nullable Source nextSource() throws InterruptedIOException {
    for (Source source; (source = toTry.poll()) != null; ) {
      if (source.isUsable()) {
        return source;
      }
      passedOver.add(source);
    }
    for (Source source; (source = passedOver.poll()) != null; ) {
      if (source.awaitTrial()) {
        return source;
      }
      unavailable = true;
      tried.add(source.name + ": " + source.trouble());
    }
    return null;
  }

  private Attempt open(Source source) throws IOException {
    ObjectReader object = source.open(digest);
    LocalObjectStore promotion = union.options.promotion();
    if (promotion != null && source.store != promotion) {
      ObjectReader copy = promote(object, promotion);
      if (copy != null) {
        object.close();
        source.promoted.increment();
        source.hits.increment();
        Attempt attempt = new Attempt(source, source.verifier.open(copy, digest, name()));
        attempt.delivered = true;
        return attempt;
      }
    }
    return new Attempt(source, source.verifier.open(object, digest, name()));
  }

  private String name() {
    return "object " + digest.hex();
  }

  /**
   * {@return the object from the store that receives copies, or null if that cannot be written to:
   * no reason not to read}
   *
   * @throws IOException if the source fails
   */
  private @Nullable ObjectReader promote(ObjectReader object, LocalObjectStore promotion)
      throws IOException {
    ObjectWorker worker = new ObjectWorker(digest.algorithm());
    LocalObjectStore.NewObject copy;
    try {
      copy = promotion.create(worker);
    } catch (IOException e) {
      return null;
    }
    byte[] buffer = new byte[COPY_BUFFER];
    try (copy) {
      long position = 0;
      int count;
      while ((count = object.read(position, buffer, 0, buffer.length)) > 0) {
        try {
          copy.write(ByteBuffer.wrap(buffer, 0, count));
        } catch (IOException e) {
          return null;
        }
        position += count;
      }
      try {
        copy.commit(digest);
        return promotion.open(digest);
      } catch (DigestMismatchException e) {
        throw e;
      } catch (IOException e) {
        return null;
      }
    } catch (IOException e) {
      object.close();
      throw e;
    }
  }

  private void note(Source source, IOException e) {
    source.note(e);
    switch (e) {
      case MissingObjectException _ -> tried.add(source.name + ": missing");
      case DigestMismatchException wrong -> {
        mismatch = wrong;
        tried.add(source.name + ": damaged");
      }
      default -> {
        unavailable = true;
        tried.add(
            e instanceof NoSuchFileException
                ? source.name + ": " + Source.reason(e)
                : String.valueOf(e.getMessage()));
      }
    }
  }

  private IOException nowhere() {
    if (unavailable) {
      return new StoreUnavailableException(
          "object " + digest.hex(), String.join("; ", tried), mismatch);
    }
    return mismatch != null ? mismatch : new MissingObjectException(digest.hex(), union.toString());
  }

  @Override
  public long size() throws IOException {
    return use(VerifiedReader::size);
  }

  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    return use(reader -> reader.read(position, into, offset, length));
  }

  @Override
  public Optional<Digest> kernelDigest() throws IOException {
    return use(VerifiedReader::kernelDigest);
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    if (current != null) {
      current.reader.close();
      current = null;
    }
  }
}
