package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import org.jspecify.annotations.Nullable;

/**
 * What a scan knows of one file that is no directory, until its inode is made: at once, or if it
 * may have further names, at the end, when they have been counted.
 */
final class Scanned {
  final HostStat stat;
  XattrSet xattrs = XattrSet.EMPTY;

  /** Of a symlink the target, of a small file the content. */
  byte @Nullable [] bytes;

  @Nullable Digest digest;

  /** How many names were found. */
  private int names = 1;

  private @Nullable Inode inode;

  Scanned(HostStat stat) {
    this.stat = stat;
  }

  int type() {
    return stat.mode() & Inode.S_IFMT;
  }

  /** Counts a further name, which a reader has found. */
  synchronized void named() {
    names++;
  }

  /** {@return whether there is an inode already, which has a name of its own then} */
  boolean isMade() {
    return inode != null;
  }

  /** {@return the inode, always the same} */
  Inode inode(boolean useEpoch) throws InvalidTreeException {
    Inode made = inode;
    if (made == null) {
      made = make(useEpoch);
      inode = made;
    }
    return made;
  }

  /** {@return what becomes of a stat in a tree} */
  static Stat stat(HostStat stat, int names, boolean useEpoch) {
    return new Stat(
        stat.mode() & Stat.PERMISSION_BITS,
        names,
        stat.uid(),
        stat.gid(),
        useEpoch ? 0 : stat.mtimeSeconds(),
        useEpoch ? 0 : stat.mtimeNanos());
  }

  private Inode make(boolean useEpoch) throws InvalidTreeException {
    Stat made = stat(stat, names, useEpoch);
    return switch (type()) {
      case Inode.S_IFREG -> {
        if (digest != null) {
          yield RegularFile.external(made, xattrs, stat.size(), digest);
        }
        yield bytes == null
            ? RegularFile.empty(made, xattrs)
            : RegularFile.inline(made, xattrs, bytes);
      }
      case Inode.S_IFLNK -> new Symlink(made, xattrs, bytes == null ? new byte[0] : bytes);
      case Inode.S_IFCHR -> Device.character(made, xattrs, stat.rdev());
      case Inode.S_IFBLK -> Device.block(made, xattrs, stat.rdev());
      case Inode.S_IFIFO -> new Fifo(made, xattrs);
      case Inode.S_IFSOCK -> new Socket(made, xattrs);
      default -> throw new InvalidTreeException("mode 0" + Integer.toOctalString(stat.mode()));
    };
  }
}
