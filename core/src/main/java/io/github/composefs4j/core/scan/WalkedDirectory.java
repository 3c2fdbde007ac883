package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.FileName;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A directory that the walk and the readers of its files use; whoever is last closes it, and sees
 * to it that its names are still those that were listed. It knows where it is by the directory
 * above only: the paths of a deep tree would fill memory.
 */
final class WalkedDirectory implements Closeable {
  private static final int SHOWN = 512;

  final HostDirectory handle;

  /** Before it was listed. */
  final HostStat stat;

  private final @Nullable WalkedDirectory parent;

  /** Of the directory that the scan began at its path, of others the name in the parent. */
  private final String name;

  private final AtomicInteger users = new AtomicInteger(1);
  private boolean walked;

  private WalkedDirectory(
      HostDirectory handle, HostStat stat, @Nullable WalkedDirectory parent, String name) {
    this.handle = handle;
    this.stat = stat;
    this.parent = parent;
    this.name = name;
  }

  /** {@return the directory that a scan begins at} */
  static WalkedDirectory start(HostDirectory handle, String path) throws IOException {
    boolean slash = path.endsWith("/") && path.length() > 1;
    String name = slash ? path.substring(0, path.length() - 1) : path;
    return new WalkedDirectory(handle, handle.stat(), null, name);
  }

  WalkedDirectory open(byte[] below) throws IOException {
    HostDirectory opened = handle.openDirectory(below);
    try {
      return new WalkedDirectory(opened, opened.stat(), this, FileName.printable(below));
    } catch (IOException e) {
      opened.close();
      throw e;
    }
  }

  /** {@return the directory above, which was closed meanwhile, opened again} */
  WalkedDirectory reopen(WalkedDirectory above) throws IOException {
    return new WalkedDirectory(handle.openParent(), above.stat, above.parent, above.name);
  }

  /** {@return this, for a reader, who releases it} */
  WalkedDirectory share() {
    users.incrementAndGet();
    return this;
  }

  /**
   * Ends a use.
   *
   * @throws SourceChangedException if this was the last, and the directory has changed since it was
   *     opened
   */
  void release() throws IOException {
    if (users.decrementAndGet() == 0) {
      try (handle) {
        if (!handle.stat().sameContent(stat)) {
          throw new SourceChangedException(path(), "directory changed while it was scanned");
        }
      }
    }
  }

  /** Ends a use by who has given up. */
  void abandon() throws IOException {
    if (users.decrementAndGet() == 0) {
      handle.close();
    }
  }

  /** Ends the use by the walk, which has gone through it. */
  void walked() throws IOException {
    walked = true;
    release();
  }

  /** Ends the use by the walk, if it has not ended yet. */
  @Override
  public void close() throws IOException {
    if (!walked) {
      walked = true;
      abandon();
    }
  }

  /** {@return the path of this directory, printable} */
  String path() {
    return path(new ArrayList<>());
  }

  /** {@return the path of an entry, printable} */
  String path(byte[] entry) {
    return path(new ArrayList<>(List.of(FileName.printable(entry))));
  }

  private String path(List<String> names) {
    WalkedDirectory each = this;
    for (; each.parent != null; each = each.parent) {
      names.add(each.name);
    }
    names.add(each.name.equals("/") && !names.isEmpty() ? "" : each.name);
    return String.join("/", names.reversed());
  }

  /** {@return the path, or its beginning if it is very long} */
  static String shortened(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN);
  }
}
