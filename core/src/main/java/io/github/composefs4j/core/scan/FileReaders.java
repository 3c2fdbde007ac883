package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectSource;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Reads the files that a walk has opened, in threads of its own: digests, objects, small contents,
 * extended attributes. The walk alone calls {@link #read}, {@link #finish} and {@link #stop}.
 */
final class FileReaders {
  /**
   * Open files that are handed over together: one by one, waking the reader costs more than most.
   */
  private static final int BATCH_FILES = 32;

  /** A batch with so many bytes to read is handed over at once. */
  private static final long BATCH_BYTES = 1 << 20;

  /** Batches that were handed over and not yet read. */
  private static final int BATCHES_AHEAD = 8;

  private final @Nullable LocalObjectStore store;
  private final @Nullable ScanIndex index;
  private final @Nullable ObjectStore elsewhere;
  private final AtomicReference<@Nullable Throwable> failure;
  private final ExecutorService threads;
  private final Semaphore ahead = new Semaphore(BATCHES_AHEAD);
  private final ThreadLocal<Tools> tools;
  private final LongAdder bytes = new LongAdder();

  /** What the walk has opened and not yet handed over. */
  private Batch batch = new Batch();

  /** What one thread reads with. */
  private record Tools(ObjectWorker worker, XattrReader xattrs) {}

  private record Reading(HostFile file, Scanned child, String path) {
    ObjectSource source() {
      return new ObjectSource(file, child.stat.size(), path);
    }
  }

  /**
   * Readers that have nothing to do yet.
   *
   * @param failure the first failure, of the walk or of a reader; with one, readers read no more
   */
  FileReaders(
      ScanOptions options,
      XattrSet.Interner interner,
      @Nullable LocalObjectStore store,
      @Nullable ScanIndex index,
      @Nullable ObjectStore elsewhere,
      AtomicReference<@Nullable Throwable> failure) {
    this.store = store;
    this.index = index;
    this.elsewhere = elsewhere;
    this.failure = failure;
    this.threads =
        Executors.newFixedThreadPool(
            options.threads(),
            task -> {
              Thread thread = new Thread(task, "composefs-scan");
              thread.setDaemon(true);
              return thread;
            });
    this.tools =
        ThreadLocal.withInitial(() ->
            new Tools(
                new ObjectWorker(options.algorithm(), threads, options.threads()),
                new XattrReader(options.xattrs(), interner)));
  }

  /** {@return content read so far} */
  long bytes() {
    return bytes.sum();
  }

  /**
   * Has a file read, soon.
   *
   * @param file closed by the readers, come what may
   * @param child receives what is read
   */
  void read(HostFile file, Scanned child, String path) throws InterruptedIOException {
    batch.add(new Reading(file, child, path));
    if (batch.files.size() == BATCH_FILES || batch.bytes >= BATCH_BYTES) {
      handOver();
    }
  }

  private void handOver() throws InterruptedIOException {
    if (batch.files.isEmpty()) {
      return;
    }
    try {
      ahead.acquire();
    } catch (InterruptedException e) {
      throw ScanErrors.interrupted();
    }
    threads.execute(batch);
    batch = new Batch();
  }

  /** Waits until all is read; a failure is then known. */
  void finish() throws InterruptedIOException {
    handOver();
    try {
      ahead.acquire(BATCHES_AHEAD);
    } catch (InterruptedException e) {
      throw ScanErrors.interrupted();
    }
  }

  /** Ends the threads and closes what they did not come to: then nobody uses the store any more. */
  void stop() throws IOException {
    failure.compareAndSet(null, new InterruptedIOException("the scan was given up"));
    batch.close();
    for (Runnable rest : threads.shutdownNow()) {
      if (rest instanceof Batch unread) {
        unread.close();
      }
    }
    boolean interrupted = false;
    while (!threads.isTerminated()) {
      try {
        threads.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** A digest that a file of a batch has, if it was hashed, or may have, if the index says so. */
  private record Candidate(int place, Digest digest, boolean hashed, long started) {}

  /** Reads open files on a reader's thread. */
  private final class Batch implements Runnable {
    private final List<Reading> files = new ArrayList<>(BATCH_FILES);
    private long bytes;

    void add(Reading reading) {
      files.add(reading);
      bytes += reading.child.stat.size();
    }

    @Override
    public void run() {
      try {
        Tools with = tools.get();
        BitSet settled = elsewhere == null ? new BitSet() : settledBy(elsewhere, with);
        for (int i = 0; i < files.size() && failure.get() == null; i++) {
          if (!settled.get(i)) {
            FileReaders.this.read(files.get(i), with);
          }
        }
      } catch (Throwable e) {
        failure.compareAndSet(null, e);
      }
      try {
        close();
      } catch (IOException e) {
        failure.compareAndSet(null, e);
      }
      ahead.release();
    }

    /**
     * Takes the digests of files, from the index where it has them; {@return those of which no more
     * is needed, since their objects are elsewhere or nothing is stored}
     */
    private BitSet settledBy(ObjectStore others, Tools with) throws IOException {
      BitSet settled = new BitSet();
      List<Candidate> candidates = new ArrayList<>();
      for (int i = 0; i < files.size(); i++) {
        Reading reading = files.get(i);
        HostStat stat = reading.child.stat;
        if (stat.size() <= Limits.INLINE_THRESHOLD) {
          continue;
        }
        Digest known = index == null ? null : index.find(stat);
        if (known == null) {
          long started = index == null ? 0 : index.now();
          candidates.add(new Candidate(i, with.worker.digest(reading.source()), true, started));
        } else if (store == null || !store.contains(known, stat.size())) {
          candidates.add(new Candidate(i, known, false, 0));
        }
      }
      if (candidates.isEmpty()) {
        return settled;
      }
      BitSet present = presentIn(others, candidates);
      for (int k = 0; k < candidates.size(); k++) {
        Candidate candidate = candidates.get(k);
        if (present.get(k) || store == null && candidate.hashed) {
          settle(files.get(candidate.place), candidate, with);
          settled.set(candidate.place);
        }
      }
      return settled;
    }

    /** A source that does not answer has nothing: what it may have is stored once more. */
    private static BitSet presentIn(ObjectStore others, List<Candidate> candidates)
        throws IOException {
      try {
        return others.present(candidates.stream().map(Candidate::digest).toList());
      } catch (StoreUnavailableException e) {
        return new BitSet();
      }
    }

    private void settle(Reading reading, Candidate candidate, Tools with) throws IOException {
      reading.child.digest = candidate.digest;
      xattrs(reading, with);
      if (candidate.hashed) {
        FileReaders.this.bytes.add(reading.child.stat.size());
      }
      checkUnchanged(reading);
      if (index != null && candidate.hashed) {
        index.add(reading.child.stat, candidate.digest, candidate.started);
      } else if (index != null) {
        index.hit();
      }
    }

    /** Closes what nobody has read, and nobody will. */
    void close() throws IOException {
      for (Reading reading : files) {
        reading.file.close();
      }
    }
  }

  /** That this is the file the walk saw is checked at the end, with all that may have changed. */
  private void read(Reading reading, Tools with) throws IOException {
    xattrs(reading, with);
    Scanned child = reading.child;
    ObjectSource source = reading.source();
    if (source.size() <= Limits.INLINE_THRESHOLD) {
      child.bytes = readAll(source);
    } else if (store == null) {
      child.digest = with.worker.digest(source);
    } else if (index == null) {
      child.digest = store.put(source, with.worker);
    } else {
      readIndexed(reading, with, store, index);
      return;
    }
    bytes.add(source.size());
    checkUnchanged(reading);
  }

  private static void xattrs(Reading reading, Tools with) throws IOException {
    try {
      reading.child.xattrs = with.xattrs.of(reading.file);
    } catch (IOException e) {
      throw ScanErrors.named(e, reading.path);
    }
  }

  private void readIndexed(Reading reading, Tools with, LocalObjectStore into, ScanIndex known)
      throws IOException {
    Scanned child = reading.child;
    ObjectSource source = reading.source();
    Digest digest = known.find(child.stat);
    if (digest != null && into.contains(digest, source.size())) {
      known.hit();
      child.digest = digest;
      checkUnchanged(reading);
      return;
    }
    long started = known.now();
    Digest read = into.put(source, with.worker);
    child.digest = read;
    bytes.add(source.size());
    checkUnchanged(reading);
    known.add(child.stat, read, started);
  }

  private static void checkUnchanged(Reading reading) throws IOException {
    HostStat before = reading.child.stat;
    boolean unchanged;
    try {
      HostStat now = reading.file.stat();
      unchanged = now.sameContent(before) || (now.sameButForCtime(before) && isProtected(reading));
    } catch (IOException e) {
      throw ScanErrors.named(e, reading.path);
    }
    if (!unchanged) {
      throw new SourceChangedException(reading.path, "changed while it was scanned");
    }
  }

  /** A source that was made the object itself has a new ctime, and content that cannot change. */
  private static boolean isProtected(Reading reading) throws IOException {
    Digest digest = reading.child.digest;
    return digest != null && reading.file.verityDigest().equals(Optional.of(digest));
  }

  private static byte[] readAll(ObjectSource source) throws IOException {
    byte[] content = new byte[(int) source.size() + 1];
    int done = 0;
    while (done < content.length) {
      int read;
      try {
        read = source.file().read(done, content, done, content.length - done);
      } catch (IOException e) {
        throw ScanErrors.named(e, source.path());
      }
      if (read <= 0) {
        break;
      }
      done += read;
      if (done == source.size()) {
        break; // so few bytes come at once: had the file one more, it would be there
      }
    }
    if (done != source.size()) {
      throw new SourceChangedException(source.path(), "changed while it was read");
    }
    return Arrays.copyOf(content, done);
  }
}
