package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectSource;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Scans a directory of the host. One thread walks, in name order, so that the result does not
 * depend on anything but the files; others read them. Symlinks are never followed. Whatever
 * changes, vanishes or appears during the scan is an error that names it, not a wrong tree.
 */
public final class Scanner {
  /**
   * Open files that are handed over together: one by one, waking the reader costs more than most.
   */
  private static final int BATCH_FILES = 16;

  /** A batch with so many bytes to read is handed over at once. */
  private static final long BATCH_BYTES = 1 << 20;

  /** Batches that were handed over and not yet read. */
  private static final int BATCHES_AHEAD = 8;

  /** Directories kept open on the way down; those above are opened again through {@code ..}. */
  private static final int DIRECTORIES_OPEN = 256;

  /** Bytes of stack for {@link Limits#DEPTH_MAX} levels: about 4 KiB a level are used. */
  private static final long WALK_STACK = 64 << 20;

  private static final byte[] NO_NAME = {};
  private static final byte[] USER = FileName.encode("user.");
  private static final long PROGRESS_STEP = 1 << 10;

  private final ScanOptions options;
  private final @Nullable LocalObjectStore store;
  private final @Nullable ScanIndex index;
  private final @Nullable ObjectStore elsewhere;
  private final ScanProgress progress;
  private final ExecutorService workers;
  private final Semaphore ahead = new Semaphore(BATCHES_AHEAD);
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final ThreadLocal<ObjectWorker> worker;
  private final XattrSet.Interner interner = new XattrSet.Interner();
  private final Map<FileId, Scanned> linked = new HashMap<>();
  private final LongAdder bytes = new LongAdder();
  private final PathText path = new PathText();

  /** What the walk has opened and not yet handed over. */
  private Batch batch = new Batch();

  private long entries;

  private record FileId(long dev, long ino) {}

  private Scanner(
      ScanOptions options,
      @Nullable LocalObjectStore store,
      @Nullable ScanIndex index,
      @Nullable ObjectStore elsewhere,
      ScanProgress progress) {
    this.options = options;
    this.store = store;
    this.index = index;
    this.elsewhere = elsewhere;
    this.progress = progress;
    this.workers =
        Executors.newFixedThreadPool(
            options.threads(),
            task -> {
              Thread thread = new Thread(task, "composefs-scan");
              thread.setDaemon(true);
              return thread;
            });
    this.worker =
        ThreadLocal.withInitial(
            () -> new ObjectWorker(options.algorithm(), workers, options.threads()));
  }

  /**
   * {@return the tree below a directory}
   *
   * @param followed whether {@code root} may be a symlink to a directory
   * @param store receives the content of files above {@link Limits#INLINE_THRESHOLD}, or null; not
   *     synced
   * @throws SourceChangedException if something did not hold still
   * @throws IOException if something cannot be read, with its path
   */
  public static FileTree scan(
      Platform platform,
      Path root,
      boolean followed,
      ScanOptions options,
      @Nullable LocalObjectStore store,
      ScanProgress progress)
      throws IOException {
    return scan(platform, root, followed, options, store, null, null, progress);
  }

  /**
   * {@return the tree below a directory; see the other form}
   *
   * @param index tells digests of files whose objects are in the store or elsewhere, and learns
   *     them, or null; not saved
   * @param elsewhere what is present there is not stored, or null; asked in bulk
   */
  public static FileTree scan(
      Platform platform,
      Path root,
      boolean followed,
      ScanOptions options,
      @Nullable LocalObjectStore store,
      @Nullable ScanIndex index,
      @Nullable ObjectStore elsewhere,
      ScanProgress progress)
      throws IOException {
    Scanner scanner = new Scanner(options, store, index, elsewhere, progress);
    try (HostDirectory directory = platform.openDirectory(root, followed)) {
      try {
        return scanner.onDeepStack(() -> scanner.run(directory, root.toString()));
      } finally {
        scanner.stop();
      }
    }
  }

  /** Ends the workers and closes what they did not come to: then nobody uses the store any more. */
  private void stop() throws IOException {
    failure.compareAndSet(null, new InterruptedIOException("the scan was given up"));
    batch.close();
    for (Runnable rest : workers.shutdownNow()) {
      if (rest instanceof Batch unread) {
        unread.close();
      }
    }
    boolean interrupted = false;
    while (!workers.isTerminated()) {
      try {
        workers.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private interface Walk {
    FileTree run() throws IOException;
  }

  /**
   * Runs the walk, which descends by recursion, where the deepest tree that is allowed has room.
   */
  private FileTree onDeepStack(Walk walk) throws IOException {
    AtomicReference<@Nullable FileTree> result = new AtomicReference<>();
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                result.set(walk.run());
              } catch (Throwable e) {
                failure.compareAndSet(null, e);
              }
            },
            "composefs-walk",
            WALK_STACK);
    thread.setDaemon(true);
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        // The walk must end before its directories are closed.
        interrupted = true;
        thread.interrupt();
      }
    }
    if (interrupted) {
      throw interrupted();
    }
    checkFailure();
    FileTree tree = result.get();
    if (tree == null) {
      throw new IllegalStateException("neither a tree nor a failure");
    }
    return tree;
  }

  private FileTree run(HostDirectory directory, String root) throws IOException {
    path.reset(root);
    Scanned top = new Scanned(directory.stat());
    HostDirectory[] open = {directory};
    walk(open, top, 0);
    finish();
    progress.update(entries, bytes.sum());
    return FileTree.of(top.toDirectory(options.useEpoch()));
  }

  private void finish() throws IOException {
    handOver();
    try {
      ahead.acquire(BATCHES_AHEAD); // all are read
    } catch (InterruptedException e) {
      throw interrupted();
    }
    checkFailure();
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted");
  }

  private void checkFailure() throws IOException {
    switch (failure.get()) {
      case null -> {}
      case IOException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  /**
   * Walks one directory. The handle is in a one-element array: deep down, it is closed and opened
   * again from below.
   */
  private void walk(HostDirectory[] open, Scanned node, int depth) throws IOException {
    if (depth > Limits.DEPTH_MAX) {
      throw new InvalidTreeException(
          path.shortened() + ": directories are nested deeper than " + Limits.DEPTH_MAX);
    }
    node.xattrs = xattrs(open[0]::xattrs, path::text);
    List<HostDirectory.Entry> list = open[0].list();
    list.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
    for (HostDirectory.Entry entry : list) {
      path.push(entry.name());
      try {
        entry(open, node, entry, depth);
      } catch (SourceChangedException | InvalidTreeException | InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        // A worker's failure is about another path, and names it.
        throw e.equals(failure.get()) ? e : named(e, path.text(), entry.name());
      }
      path.pop();
    }
    if (!open[0].stat().sameContent(node.stat)) {
      throw new SourceChangedException(path.text(), "directory changed while it was scanned");
    }
  }

  /**
   * A failure of the platform, which knows nothing but a name at best, as one that tells the path
   * from the root of the scan.
   */
  private static IOException named(IOException e, String text, byte[] name) {
    String message = String.valueOf(e.getMessage());
    if (message.startsWith(text)) {
      return e;
    }
    String prefix = FileName.printable(name) + ": ";
    String reason =
        switch (e) {
          case NoSuchFileException _ -> "No such file or directory";
          case AccessDeniedException _ -> "Permission denied";
          case FileSystemException f when f.getReason() != null -> f.getReason();
          default -> message.startsWith(prefix) ? message.substring(prefix.length()) : message;
        };
    return new ComposefsException(text + ": " + reason, e);
  }

  private void entry(HostDirectory[] open, Scanned parent, HostDirectory.Entry entry, int depth)
      throws IOException {
    checkFailure();
    if (Thread.interrupted()) {
      throw interrupted();
    }
    if (++entries % PROGRESS_STEP == 0) {
      progress.update(entries, bytes.sum());
    }
    HostStat stat = entry.stat();
    int type = stat.mode() & Inode.S_IFMT;
    if (options.skipDevices() && (type == Inode.S_IFCHR || type == Inode.S_IFBLK)) {
      return;
    }
    Scanned known = null;
    if (options.hardLinks() && stat.nlink() > 1 && type != Inode.S_IFDIR) {
      known = linked.get(new FileId(stat.dev(), stat.ino()));
    }
    Scanned child = known != null ? known : new Scanned(stat);
    parent.childNames.add(entry.name());
    parent.children.add(child);
    child.names++;
    if (known != null) {
      return;
    }
    if (options.hardLinks() && stat.nlink() > 1 && type != Inode.S_IFDIR) {
      linked.put(new FileId(stat.dev(), stat.ino()), child);
    }
    switch (type) {
      case Inode.S_IFDIR -> descend(open, child, entry.name(), depth);
      case Inode.S_IFREG -> file(open[0], child, entry.name());
      default -> {
        if (type == Inode.S_IFLNK) {
          child.bytes = open[0].readLink(entry.name());
        }
        child.xattrs = xattrs(sink -> open[0].xattrs(entry.name(), sink), path::text);
      }
    }
  }

  private void descend(HostDirectory[] open, Scanned child, byte[] name, int depth)
      throws IOException {
    HostDirectory[] below = {open[0].openDirectory(name)};
    try {
      if (!below[0].stat().sameContent(child.stat)) {
        throw new SourceChangedException(path.text(), "directory changed while it was scanned");
      }
      boolean closed = depth >= DIRECTORIES_OPEN;
      HostStat self = closed ? open[0].stat() : null;
      if (closed) {
        open[0].close();
      }
      walk(below, child, depth + 1);
      if (self != null) {
        open[0] = below[0].openParent();
        if (open[0].stat().ino() != self.ino() || open[0].stat().dev() != self.dev()) {
          throw new SourceChangedException(path.text(), "directory was moved while it was scanned");
        }
      }
    } finally {
      below[0].close();
    }
  }

  private void file(HostDirectory directory, Scanned child, byte[] name) throws IOException {
    if (child.stat.size() == 0) {
      child.xattrs = xattrs(sink -> directory.xattrs(name, sink), path::text);
      return;
    }
    batch.add(new Reading(directory.openFile(name), child, path.text()));
    if (batch.files.size() == BATCH_FILES || batch.bytes >= BATCH_BYTES) {
      handOver();
    }
  }

  private void handOver() throws IOException {
    if (batch.files.isEmpty()) {
      return;
    }
    try {
      ahead.acquire();
    } catch (InterruptedException e) {
      throw interrupted();
    }
    workers.execute(batch);
    batch = new Batch();
  }

  private record Reading(HostFile file, Scanned child, String path) {}

  /** A digest that a file of a batch has, if it was hashed, or may have, if the index says so. */
  private record Candidate(int place, Digest digest, boolean hashed, long started) {}

  /** Reads open files on a worker's thread. */
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
        BitSet settled = elsewhere == null ? new BitSet() : settledBy(elsewhere);
        for (int i = 0; i < files.size() && failure.get() == null; i++) {
          Reading reading = files.get(i);
          if (!settled.get(i)) {
            read(reading.file, reading.child, reading.path);
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
    private BitSet settledBy(ObjectStore others) throws IOException {
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
          candidates.add(new Candidate(i, worker.get().digest(source(reading)), true, started));
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
          settle(files.get(candidate.place), candidate);
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

    private void settle(Reading reading, Candidate candidate) throws IOException {
      reading.child.digest = candidate.digest;
      xattrs(reading.file, reading.child, reading.path);
      if (candidate.hashed) {
        Scanner.this.bytes.add(reading.child.stat.size());
      }
      checkUnchanged(reading.file, reading.child, reading.path);
      if (index != null && candidate.hashed) {
        index.add(reading.child.stat, candidate.digest, candidate.started);
      } else if (index != null) {
        index.hit();
      }
    }

    private ObjectSource source(Reading reading) {
      return new ObjectSource(reading.file, reading.child.stat.size(), reading.path);
    }

    /** Closes what nobody has read, and nobody will. */
    void close() throws IOException {
      for (Reading reading : files) {
        reading.file.close();
      }
    }
  }

  /** That this is the file the walk saw is checked at the end, with all that may have changed. */
  private void read(HostFile file, Scanned child, String text) throws IOException {
    xattrs(file, child, text);
    long size = child.stat.size();
    ObjectSource source = new ObjectSource(file, size, text);
    if (size <= Limits.INLINE_THRESHOLD) {
      child.bytes = readAll(source);
    } else if (store == null) {
      child.digest = worker.get().digest(source);
    } else if (index == null) {
      child.digest = store.put(source, worker.get());
    } else {
      readIndexed(source, child, store, index);
      return;
    }
    bytes.add(size);
    checkUnchanged(file, child, text);
  }

  private void xattrs(HostFile file, Scanned child, String text) throws IOException {
    try {
      child.xattrs = xattrs(file::xattrs, () -> text);
    } catch (InvalidTreeException e) {
      throw e;
    } catch (IOException e) {
      throw named(e, text, NO_NAME);
    }
  }

  private void readIndexed(
      ObjectSource source, Scanned child, LocalObjectStore into, ScanIndex known)
      throws IOException {
    Digest digest = known.find(child.stat);
    if (digest != null && into.contains(digest, source.size())) {
      known.hit();
      child.digest = digest;
      checkUnchanged(source.file(), child, source.path());
      return;
    }
    long started = known.now();
    Digest read = into.put(source, worker.get());
    child.digest = read;
    bytes.add(source.size());
    checkUnchanged(source.file(), child, source.path());
    known.add(child.stat, read, started);
  }

  private static void checkUnchanged(HostFile file, Scanned child, String text) throws IOException {
    HostStat now;
    try {
      now = file.stat();
    } catch (IOException e) {
      throw named(e, text, NO_NAME);
    }
    if (!now.sameContent(child.stat)) {
      throw new SourceChangedException(text, "changed while it was scanned");
    }
  }

  private static byte[] readAll(ObjectSource source) throws IOException {
    byte[] content = new byte[(int) source.size() + 1];
    int done = 0;
    while (done < content.length) {
      int read;
      try {
        read = source.file().read(done, content, done, content.length - done);
      } catch (IOException e) {
        throw named(e, source.path(), NO_NAME);
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

  private interface XattrSource {
    void read(HostDirectory.XattrSink sink) throws IOException;
  }

  private interface PathSource {
    String text();
  }

  private XattrSet xattrs(XattrSource source, PathSource where) throws IOException {
    if (options.xattrs() == ScanOptions.Xattrs.NONE) {
      return XattrSet.EMPTY;
    }
    XattrSet.Builder builder = new XattrSet.Builder();
    boolean userOnly = options.xattrs() == ScanOptions.Xattrs.USER;
    source.read((name, value) -> {
      if (userOnly
          && !(name.length >= USER.length
              && Arrays.equals(name, 0, USER.length, USER, 0, USER.length))) {
        return;
      }
      try {
        builder.set(name, value);
      } catch (InvalidTreeException e) {
        throw new InvalidTreeException(where.text() + ": " + e.getMessage());
      }
    });
    return interner.intern(builder.build());
  }

  /** The path of the walk, for messages. */
  private static final class PathText {
    private static final int SHOWN = 512;
    private String root = "";
    private byte[] all = new byte[512];
    private int length;
    private int[] ends = new int[64];
    private int depth;

    void reset(String start) {
      root =
          start.endsWith("/") && start.length() > 1
              ? start.substring(0, start.length() - 1)
              : start;
    }

    void push(byte[] name) {
      if (depth == ends.length) {
        ends = Arrays.copyOf(ends, 2 * depth);
      }
      ends[depth++] = length;
      if (length + 1 + name.length > all.length) {
        all = Arrays.copyOf(all, 2 * (length + 1 + name.length));
      }
      all[length++] = '/';
      System.arraycopy(name, 0, all, length, name.length);
      length += name.length;
    }

    void pop() {
      length = ends[--depth];
    }

    String text() {
      String below = FileName.printable(Arrays.copyOf(all, length));
      return root.equals("/") && !below.isEmpty() ? below : root + below;
    }

    String shortened() {
      String text = text();
      return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
    }
  }
}
