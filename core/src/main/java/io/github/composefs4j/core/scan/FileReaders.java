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
 * Reads the files that a walk has found, in threads of its own: digests, objects, small contents,
 * extended attributes. The walk alone calls {@link #read}, {@link #finish} and {@link #stop}.
 */
final class FileReaders {
  /** Files that are handed over together: one by one, waking the reader costs more than most. */
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

  /** What the walk has found and not yet handed over. */
  private Batch batch = new Batch();

  /** What one thread reads with. */
  private record Tools(ObjectWorker worker, XattrReader xattrs) {}

  /**
   * One file. It is opened when its content is wanted: one that the index knows never is, which
   * takes half as long.
   */
  private static final class Reading {
    private final WalkedDirectory directory;
    private final byte[] name;
    private final Scanned child;
    private @Nullable HostFile file;

    Reading(WalkedDirectory directory, byte[] name, Scanned child) {
      this.directory = directory;
      this.name = name;
      this.child = child;
    }

    String path() {
      return directory.path(name);
    }

    HostFile file() throws IOException {
      HostFile open = file;
      if (open == null) {
        try {
          open = directory.handle.openFile(name);
        } catch (IOException e) {
          throw ScanErrors.named(e, path(), name);
        }
        file = open;
      }
      return open;
    }

    ObjectSource source() throws IOException {
      return new ObjectSource(file(), child.stat.size(), this::path);
    }

    void takeXattrs(XattrReader reader) throws IOException {
      try {
        child.xattrs = file != null ? reader.of(file) : reader.of(directory.handle, name);
      } catch (IOException e) {
        throw ScanErrors.named(e, path(), name);
      }
    }

    /** Checks that this is still the file that the walk saw, at the end of all reading. */
    void checkUnchanged() throws IOException {
      HostStat before = child.stat;
      boolean unchanged;
      try {
        HostStat now = file != null ? file.stat() : directory.handle.stat(name);
        unchanged = now.sameContent(before) || (now.sameButForCtime(before) && isProtected());
      } catch (IOException e) {
        throw ScanErrors.named(e, path(), name);
      }
      if (!unchanged) {
        throw new SourceChangedException(path(), "changed while it was scanned");
      }
    }

    /** A source that was made the object itself has a new ctime, and content that cannot change. */
    private boolean isProtected() throws IOException {
      Digest digest = child.digest;
      return digest != null && file().verityDigest().equals(Optional.of(digest));
    }

    void close() throws IOException {
      try {
        if (file != null) {
          file.close();
        }
      } finally {
        directory.release();
      }
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
   * @param directory kept open until the file is read
   * @param child receives what is read
   */
  void read(WalkedDirectory directory, byte[] name, Scanned child) throws InterruptedIOException {
    batch.add(new Reading(directory.share(), name, child));
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

  /** Reads files on a reader's thread. */
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
      reading.takeXattrs(with.xattrs);
      if (candidate.hashed) {
        FileReaders.this.bytes.add(reading.child.stat.size());
      }
      reading.checkUnchanged();
      if (index != null && candidate.hashed) {
        index.add(reading.child.stat, candidate.digest, candidate.started);
      } else if (index != null) {
        index.hit();
      }
    }

    /** Closes what was read, and what nobody will read. */
    void close() throws IOException {
      IOException first = null;
      for (Reading reading : files) {
        try {
          reading.close();
        } catch (IOException e) {
          first = first == null ? e : first;
        }
      }
      if (first != null) {
        throw first;
      }
    }
  }

  private void read(Reading reading, Tools with) throws IOException {
    if (index != null && store != null && isKnown(reading, index, store)) {
      reading.takeXattrs(with.xattrs);
      reading.checkUnchanged();
      return;
    }
    ObjectSource source = reading.source();
    reading.takeXattrs(with.xattrs);
    Scanned child = reading.child;
    long started = index == null ? 0 : index.now();
    if (source.size() <= Limits.INLINE_THRESHOLD) {
      child.bytes = readAll(source);
    } else {
      child.digest = store == null ? with.worker.digest(source) : store.put(source, with.worker);
    }
    bytes.add(source.size());
    reading.checkUnchanged();
    if (index != null && store != null && child.digest != null) {
      index.add(child.stat, child.digest, started);
    }
  }

  /** Whether the index has the digest, which then is the file's, and the store its object. */
  private static boolean isKnown(Reading reading, ScanIndex index, LocalObjectStore store)
      throws IOException {
    HostStat stat = reading.child.stat;
    Digest digest = stat.size() <= Limits.INLINE_THRESHOLD ? null : index.find(stat);
    if (digest == null || !store.contains(digest, stat.size())) {
      return false;
    }
    index.hit();
    reading.child.digest = digest;
    return true;
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
