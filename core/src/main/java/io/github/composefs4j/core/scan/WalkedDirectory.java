package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.tree.FileName;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A directory that the walk and the readers of its files use; whoever is last closes it. It knows
 * where it is by the directory above only: the paths of a deep tree would fill memory.
 */
final class WalkedDirectory implements Closeable {
  private static final int SHOWN = 512;

  final HostDirectory handle;
  private final @Nullable WalkedDirectory parent;

  /** Of the directory that the scan began at its path, of others the name in the parent. */
  private final String name;

  private final AtomicInteger users = new AtomicInteger(1);
  private boolean walked;

  private WalkedDirectory(HostDirectory handle, @Nullable WalkedDirectory parent, String name) {
    this.handle = handle;
    this.parent = parent;
    this.name = name;
  }

  /** {@return the directory that a scan begins at} */
  static WalkedDirectory start(HostDirectory handle, String path) {
    boolean slash = path.endsWith("/") && path.length() > 1;
    return new WalkedDirectory(handle, null, slash ? path.substring(0, path.length() - 1) : path);
  }

  WalkedDirectory open(byte[] below) throws IOException {
    return new WalkedDirectory(handle.openDirectory(below), this, FileName.printable(below));
  }

  /** {@return the directory above, which was closed meanwhile, opened again} */
  WalkedDirectory reopen(WalkedDirectory above) throws IOException {
    return new WalkedDirectory(handle.openParent(), above.parent, above.name);
  }

  /** {@return this, for a reader, who releases it} */
  WalkedDirectory share() {
    users.incrementAndGet();
    return this;
  }

  void release() throws IOException {
    if (users.decrementAndGet() == 0) {
      handle.close();
    }
  }

  /** Ends the use by the walk. */
  @Override
  public void close() throws IOException {
    if (!walked) {
      walked = true;
      release();
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
