package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.XattrSet;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Scans a directory of the host. One thread walks, in name order, so that the result does not
 * depend on anything but the files; others read them. Symlinks are never followed. Whatever
 * changes, vanishes or appears during the scan is an error that names it, not a wrong tree.
 */
public final class Scanner {
  /** Directories kept open on the way down; those above are opened again through {@code ..}. */
  private static final int DIRECTORIES_OPEN = 256;

  /** Bytes of stack for {@link Limits#DEPTH_MAX} levels: about 4 KiB a level are used. */
  private static final long WALK_STACK = 64 << 20;

  private static final long PROGRESS_STEP = 1 << 10;

  private final ScanOptions options;
  private final ScanProgress progress;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final FileReaders readers;
  private final XattrReader xattrs;
  private final String root;
  private long entries;

  private Scanner(
      String root,
      ScanOptions options,
      @Nullable LocalObjectStore store,
      @Nullable ScanIndex index,
      @Nullable ObjectStore elsewhere,
      ScanProgress progress) {
    this.options = options;
    this.progress = progress;
    this.root = root;
    XattrSet.Interner interner = new XattrSet.Interner();
    this.xattrs = new XattrReader(options.xattrs(), interner);
    this.readers = new FileReaders(options, interner, store, index, elsewhere, failure);
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
    Scanner scanner = new Scanner(root.toString(), options, store, index, elsewhere, progress);
    try (HostDirectory directory = platform.openDirectory(root, followed)) {
      try {
        return scanner.onDeepStack(() -> scanner.run(directory));
      } finally {
        scanner.readers.stop();
      }
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
        failure.compareAndSet(null, new InterruptedIOException("interrupted"));
        thread.interrupt();
      }
    }
    if (interrupted) {
      throw ScanErrors.interrupted();
    }
    checkFailure();
    FileTree tree = result.get();
    if (tree == null) {
      throw new IllegalStateException("neither a tree nor a failure");
    }
    return tree;
  }

  private FileTree run(HostDirectory directory) throws IOException {
    WalkedDirectory[] open = {WalkedDirectory.start(directory, root)};
    ScannedDirectory top = walk(open, 0);
    open[0].walked();
    readers.finish();
    checkFailure();
    progress.update(entries, readers.bytes());
    return FileTree.of(top.toDirectory(options.useEpoch()));
  }

  private void checkFailure() throws IOException {
    Throwable e = failure.get();
    if (e instanceof IOException io) {
      throw io;
    }
    if (e instanceof Error error) {
      throw error;
    }
    if (e != null) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Walks one directory, which is in a one-element array: deep down, it is closed and opened again
   * from below.
   */
  private ScannedDirectory walk(WalkedDirectory[] open, int depth) throws IOException {
    if (depth > Limits.DEPTH_MAX) {
      throw new InvalidTreeException(
          WalkedDirectory.shortened(open[0].path())
              + "…: directories are nested deeper than "
              + Limits.DEPTH_MAX);
    }
    XattrSet attributes;
    try {
      attributes = xattrs.of(open[0].handle);
    } catch (IOException e) {
      throw ScanErrors.named(e, open[0].path());
    }
    List<HostDirectory.Entry> list = open[0].handle.list();
    list.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
    ScannedDirectory node = new ScannedDirectory(open[0].stat, attributes, list);
    for (int i = 0; i < node.children.length; i++) {
      byte[] name = list.get(i).name();
      try {
        entry(open, node, i, depth);
      } catch (SourceChangedException | InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        // A worker's failure is about another path, and names it.
        throw e.equals(failure.get()) ? e : ScanErrors.named(e, open[0].path(name), name);
      }
    }
    return node;
  }

  private void entry(WalkedDirectory[] open, ScannedDirectory node, int place, int depth)
      throws IOException {
    checkFailure();
    if (Thread.interrupted()) {
      throw ScanErrors.interrupted();
    }
    if (++entries % PROGRESS_STEP == 0) {
      progress.update(entries, readers.bytes());
    }
    HostDirectory.Entry entry = node.entries.get(place);
    int type = entry.type();
    if (type == Inode.S_IFDIR) {
      node.children[place] = descend(open, entry.name(), depth);
    } else if (!options.skipDevices() || (type != Inode.S_IFCHR && type != Inode.S_IFBLK)) {
      readers.read(open[0], node, place);
    }
  }

  private ScannedDirectory descend(WalkedDirectory[] open, byte[] name, int depth)
      throws IOException {
    WalkedDirectory[] below = {open[0].open(name)};
    try {
      WalkedDirectory self = open[0];
      boolean closed = depth >= DIRECTORIES_OPEN;
      if (closed) {
        self.walked();
      }
      ScannedDirectory node = walk(below, depth + 1);
      if (closed) {
        open[0] = below[0].reopen(self);
        HostStat now = open[0].handle.stat();
        if (now.ino() != self.stat.ino() || now.dev() != self.stat.dev()) {
          throw new SourceChangedException(
              below[0].path(), "directory was moved while it was scanned");
        }
      }
      below[0].walked();
      return node;
    } finally {
      below[0].close();
    }
  }
}
