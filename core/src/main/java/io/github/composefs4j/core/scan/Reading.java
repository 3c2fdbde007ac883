package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.objects.ObjectSource;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The reading of one entry, for one thread. A file is opened when its content is wanted: one that
 * the index knows never is, which takes half as long. Failures tell the path.
 */
final class Reading implements Closeable, Supplier<String> {
  private final WalkedDirectory directory;
  private final ScannedDirectory node;
  private final int place;
  private @Nullable Scanned child;
  private @Nullable HostFile file;

  /** What the index says of a file whose object is not in the store. */
  @Nullable Digest known;

  /** Takes a use of the directory over. */
  Reading(WalkedDirectory directory, ScannedDirectory node, int place) {
    this.directory = directory;
    this.node = node;
    this.place = place;
  }

  String path() {
    return directory.path(name());
  }

  /** {@return what messages call it} */
  @Override
  public String get() {
    return path();
  }

  private byte[] name() {
    return node.entries.get(place).name();
  }

  /** {@return the type that the directory tells} */
  int type() {
    return node.entries.get(place).type();
  }

  private IOException named(IOException e) {
    return ScanErrors.named(e, path(), name());
  }

  /** Asks what it is, now. */
  Scanned look() throws IOException {
    HostStat stat;
    try {
      stat = directory.handle.stat(name());
    } catch (IOException e) {
      throw named(e);
    }
    Scanned looked = new Scanned(stat);
    if (looked.type() != type()) {
      throw changed();
    }
    child = looked;
    return looked;
  }

  /** {@return what is known of it since {@link #look}} */
  Scanned child() {
    Scanned looked = child;
    if (looked == null) {
      throw new IllegalStateException("nobody has looked");
    }
    return looked;
  }

  boolean isLookedAt() {
    return child != null;
  }

  /** Has the directory take an inode that has several names, and is not made yet. */
  void link(Scanned inode) {
    node.children[place] = inode;
  }

  /** Has the directory take what was read, unless it has something already. */
  void done(boolean useEpoch) throws IOException {
    if (node.children[place] == null) {
      try {
        node.children[place] = child().inode(useEpoch);
      } catch (InvalidTreeException e) {
        throw named(e);
      }
    }
  }

  private HostFile file() throws IOException {
    HostFile open = file;
    if (open == null) {
      try {
        open = directory.handle.openFile(name());
      } catch (IOException e) {
        throw named(e);
      }
      file = open;
    }
    return open;
  }

  ObjectSource source() throws IOException {
    return new ObjectSource(file(), child().stat.size(), this);
  }

  byte[] target() throws IOException {
    try {
      return directory.handle.readLink(name());
    } catch (IOException e) {
      throw named(e);
    }
  }

  XattrSet xattrs(XattrReader reader) throws IOException {
    try {
      return file != null ? reader.of(file) : reader.of(directory.handle, name());
    } catch (IOException e) {
      throw named(e);
    }
  }

  /** Checks that this is still the file that was looked at, at the end of all reading. */
  void checkUnchanged() throws IOException {
    HostStat before = child().stat;
    boolean unchanged;
    try {
      HostStat now = file().stat();
      unchanged = now.sameContent(before) || (now.sameButForCtime(before) && isProtected());
    } catch (IOException e) {
      throw named(e);
    }
    if (!unchanged) {
      throw changed();
    }
  }

  /** A source that was made the object itself has a new ctime, and content that cannot change. */
  private boolean isProtected() throws IOException {
    Digest digest = child().digest;
    return digest != null && file().verityDigest().equals(Optional.of(digest));
  }

  private SourceChangedException changed() {
    return new SourceChangedException(path(), "changed while it was scanned");
  }

  @Override
  public void close() throws IOException {
    try {
      closeFile();
    } finally {
      directory.release();
    }
  }

  /** Closes it after a failure: the directory is not looked at any more. */
  void abandon() throws IOException {
    try {
      closeFile();
    } finally {
      directory.abandon();
    }
  }

  private void closeFile() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
