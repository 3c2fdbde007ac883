package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a scan knows of one inode before the tree is made: link counts and digests come last. */
final class Scanned {
  final HostStat stat;
  XattrSet xattrs = XattrSet.EMPTY;

  /** How many names were found. */
  int names;

  /** Of a symlink the target, of a small file the content. */
  byte @Nullable [] bytes;

  @Nullable Digest digest;

  /** Of a directory. */
  final List<byte[]> childNames = new ArrayList<>(0);

  final List<Scanned> children = new ArrayList<>(0);
  private @Nullable Inode inode;

  Scanned(HostStat stat) {
    this.stat = stat;
  }

  boolean isDirectory() {
    return (stat.mode() & Inode.S_IFMT) == Inode.S_IFDIR;
  }

  /**
   * Makes the directory and all below it; the first name of an inode in this order is its own
   * entry.
   */
  Directory toDirectory(boolean useEpoch) throws InvalidTreeException {
    Directory directory = new Directory(stat(useEpoch), xattrs);
    for (int i = 0; i < children.size(); i++) {
      Scanned child = children.get(i);
      try {
        if (child.inode != null) {
          directory.link(childNames.get(i), child.inode);
        } else if (child.isDirectory()) {
          directory.add(childNames.get(i), child.toDirectory(useEpoch));
        } else {
          Inode made = child.toInode(useEpoch);
          child.inode = made;
          directory.add(childNames.get(i), made);
        }
      } catch (InvalidTreeException e) {
        throw new InvalidTreeException(
            "'" + FileName.printable(childNames.get(i)) + "': " + e.getMessage());
      }
    }
    return directory;
  }

  private Stat stat(boolean useEpoch) {
    return new Stat(
        stat.mode() & Stat.PERMISSION_BITS,
        isDirectory() ? (int) stat.nlink() : Math.max(1, names),
        stat.uid(),
        stat.gid(),
        useEpoch ? 0 : stat.mtimeSeconds(),
        useEpoch ? 0 : stat.mtimeNanos());
  }

  private Inode toInode(boolean useEpoch) throws InvalidTreeException {
    Stat made = stat(useEpoch);
    return switch (stat.mode() & Inode.S_IFMT) {
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
