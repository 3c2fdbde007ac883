package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectSource;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.spi.FileId;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Reads the files that a walk has found, in threads of its own and, if these have enough to do, in
 * that of the walk: what they are, digests, objects, small contents, extended attributes. The walk
 * alone calls {@link #read}, {@link #finish} and {@link #stop}.
 */
final class FileReaders {
  /** Files that are handed over together: one by one, waking the reader costs more than most. */
  private static final int BATCH_FILES = 128;

  /** Directories of a batch at most, which are kept open for it. */
  private static final int BATCH_DIRECTORIES = 32;

  /** A batch with so many bytes to read is shared with another thread. */
  private static final long LARGE = 1 << 20;

  /** Batches that were handed over and not yet read. */
  private static final int BATCHES_AHEAD = 8;

  private final ScanOptions options;
  private final @Nullable LocalObjectStore store;
  private final @Nullable ScanIndex index;
  private final @Nullable ObjectStore elsewhere;
  private final AtomicReference<@Nullable Throwable> failure;
  private final ExecutorService threads;
  private final ThreadLocal<Tools> tools;
  private final LongAdder bytes = new LongAdder();

  /** Batches that threads read or are to read. */
  private int unread;

  /** Files that may have further names. */
  private final ConcurrentMap<FileId, Scanned> linked = new ConcurrentHashMap<>();

  /** What the walk has found and not yet handed over. */
  private List<Reading> batch = new ArrayList<>(BATCH_FILES);

  private @Nullable WalkedDirectory lastDirectory;
  private int directories;

  /** What one thread reads with. */
  private record Tools(ObjectWorker worker, XattrReader xattrs) {}

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
    this.options = options;
    this.store = store;
    this.index = index;
    this.elsewhere = elsewhere;
    this.failure = failure;
    this.threads =
        Executors.newFixedThreadPool(
            Math.max(1, options.threads() - 1), // the walk reads, too
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
   * Has an entry read that is no directory, soon.
   *
   * @param directory kept open until the file is read
   * @param node of the directory, which receives what is read
   * @param place of the entry there
   */
  void read(WalkedDirectory directory, ScannedDirectory node, int place) {
    batch.add(new Reading(directory.share(), node, place));
    if (!directory.equals(lastDirectory)) {
      lastDirectory = directory;
      directories++;
    }
    if (batch.size() == BATCH_FILES || directories > BATCH_DIRECTORIES) {
      Batch full = taken();
      if (begin(BATCHES_AHEAD)) {
        threads.execute(full);
      } else {
        full.read();
      }
    }
  }

  private Batch taken() {
    Batch taken = new Batch(batch);
    batch = new ArrayList<>(BATCH_FILES);
    lastDirectory = null;
    directories = 0;
    return taken;
  }

  /** Waits until all is read; a failure is then known. */
  void finish() throws InterruptedIOException {
    taken().read();
    try {
      awaitEnd();
    } catch (InterruptedException e) {
      throw ScanErrors.interrupted();
    }
  }

  private synchronized boolean begin(int most) {
    if (unread >= most) {
      return false;
    }
    unread++;
    return true;
  }

  private synchronized void end() {
    if (--unread == 0) {
      notifyAll();
    }
  }

  private synchronized void awaitEnd() throws InterruptedException {
    while (unread > 0) {
      wait();
    }
  }

  /** Ends the threads and closes what they did not come to: then nobody uses the store any more. */
  void stop() throws IOException {
    failure.compareAndSet(null, new InterruptedIOException("the scan was given up"));
    taken().abandon();
    for (Runnable rest : threads.shutdownNow()) {
      if (rest instanceof Batch unread) {
        unread.abandon();
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

  /** A digest that a file has, if it was hashed, or may have, if the index says so. */
  private record Candidate(Reading reading, Digest digest, boolean hashed, long started) {}

  /** Reads files in one thread. */
  private final class Batch implements Runnable {
    private final List<Reading> files;

    Batch(List<Reading> files) {
      this.files = files;
    }

    @Override
    public void run() {
      read();
      end();
    }

    void read() {
      try {
        Tools with = tools.get();
        List<Reading> contents = new ArrayList<>();
        for (int i = 0; i < files.size() && failure.get() == null; i++) {
          Reading reading = files.get(i);
          if (reading.isLookedAt() || !FileReaders.this.look(reading, with)) {
            contents.add(reading);
          }
        }
        if (elsewhere != null) {
          contents = notSettled(contents, elsewhere, with);
        }
        if (contents.size() > 1 && size(contents) >= LARGE) {
          handOver(contents.subList(contents.size() / 2, contents.size()));
        }
        for (int i = 0; i < contents.size() && failure.get() == null; i++) {
          FileReaders.this.read(contents.get(i), with);
        }
      } catch (Throwable e) {
        failure.compareAndSet(null, e);
      }
      try {
        close();
      } catch (IOException e) {
        failure.compareAndSet(null, e);
      }
    }

    private static long size(List<Reading> files) {
      long size = 0;
      for (Reading reading : files) {
        size += reading.child().stat.size();
      }
      return size;
    }

    /** Has another thread read these, which it may share in turn. */
    private void handOver(List<Reading> rest) {
      List<Reading> given = new ArrayList<>(rest);
      files.removeAll(given); // before another thread has them, and closes them
      rest.clear();
      begin(Integer.MAX_VALUE);
      try {
        threads.execute(new Batch(new ArrayList<>(given)));
      } catch (RejectedExecutionException e) { // there are no threads after a failure
        files.addAll(given);
        end();
      }
    }

    /**
     * Takes the digests of files, from the index where it has them; {@return those of which more is
     * needed: their objects are not elsewhere, and are to be stored}
     */
    private List<Reading> notSettled(List<Reading> contents, ObjectStore others, Tools with)
        throws IOException {
      List<Reading> rest = new ArrayList<>();
      List<Candidate> candidates = new ArrayList<>();
      for (Reading reading : contents) {
        Digest known = reading.known;
        if (reading.child().stat.size() <= Limits.INLINE_THRESHOLD) {
          rest.add(reading);
        } else if (known != null) {
          candidates.add(new Candidate(reading, known, false, 0));
        } else {
          long started = index == null ? 0 : index.now();
          Digest digest = with.worker.digest(reading.source());
          candidates.add(new Candidate(reading, digest, true, started));
        }
      }
      if (candidates.isEmpty()) {
        return rest;
      }
      BitSet present = presentIn(others, candidates);
      for (int k = 0; k < candidates.size(); k++) {
        Candidate candidate = candidates.get(k);
        if (present.get(k) || (store == null && candidate.hashed)) {
          settle(candidate, with);
        } else {
          rest.add(candidate.reading);
        }
      }
      return rest;
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

    private void settle(Candidate candidate, Tools with) throws IOException {
      Reading reading = candidate.reading;
      Scanned child = reading.child();
      child.digest = candidate.digest;
      if (candidate.hashed) {
        child.xattrs = reading.xattrs(with.xattrs);
        bytes.add(child.stat.size());
        reading.checkUnchanged();
        if (index != null) {
          index.add(child.stat, candidate.digest, candidate.started);
        }
      } else if (index != null) {
        index.hit();
      }
      reading.done(options.useEpoch());
    }

    private void close() throws IOException {
      boolean failed = failure.get() != null;
      IOException first = null;
      for (Reading reading : files) {
        try {
          if (failed) {
            reading.abandon();
          } else {
            reading.close();
          }
        } catch (IOException e) {
          first = first == null ? e : first;
        }
      }
      if (first != null) {
        throw first;
      }
    }

    /** Closes what nobody will read. */
    void abandon() throws IOException {
      close();
    }
  }

  /**
   * Looks what an entry is; {@return whether that is all there is to do}
   *
   * <p>Of a file that the index knows the extended attributes are asked for first. Then one look is
   * enough: it shows the time of change that the index has, so nothing has changed since, and the
   * attributes are those of this very state.
   */
  private boolean look(Reading reading, Tools with) throws IOException {
    boolean regular = reading.type() == Inode.S_IFREG;
    XattrSet first = regular && index != null ? reading.xattrs(with.xattrs) : null;
    Scanned child = reading.look();
    HostStat stat = child.stat;
    if (options.hardLinks() && stat.nlink() > 1) {
      Scanned other = linked.putIfAbsent(stat.id(), child);
      if (other != null) {
        other.named();
        reading.link(other);
        return true;
      }
      reading.link(child);
    }
    if (regular && stat.size() > 0) {
      if (first == null || !isKnown(reading)) {
        return false;
      }
      child.xattrs = first;
    } else {
      if (reading.type() == Inode.S_IFLNK) {
        child.bytes = reading.target();
      }
      child.xattrs = first != null ? first : reading.xattrs(with.xattrs);
    }
    reading.done(options.useEpoch());
    return true;
  }

  /** Whether the index has the digest, which then is the file's, and the store its object. */
  private boolean isKnown(Reading reading) throws IOException {
    Scanned child = reading.child();
    long size = child.stat.size();
    if (index == null || size <= Limits.INLINE_THRESHOLD) {
      return false;
    }
    Digest digest = index.find(child.stat);
    if (digest == null || store == null || !store.contains(digest, size)) {
      reading.known = digest;
      return false;
    }
    index.hit();
    child.digest = digest;
    return true;
  }

  private void read(Reading reading, Tools with) throws IOException {
    ObjectSource source = reading.source();
    Scanned child = reading.child();
    child.xattrs = reading.xattrs(with.xattrs);
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
    reading.done(options.useEpoch());
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
