package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.XattrSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A directory that was listed: a place for each entry, which whoever reads the entry fills. */
final class ScannedDirectory {
  final HostStat stat;
  final XattrSet xattrs;
  final List<HostDirectory.Entry> entries;

  /** By entry an {@link Inode}, a {@link Scanned}, a directory, or null if it is left out. */
  final @Nullable Object[] children;

  ScannedDirectory(HostStat stat, XattrSet xattrs, List<HostDirectory.Entry> entries) {
    this.stat = stat;
    this.xattrs = xattrs;
    this.entries = entries;
    this.children = new Object[entries.size()];
  }

  /**
   * Makes the directory and all below it; the first name of an inode in this order is its own
   * entry.
   */
  Directory toDirectory(boolean useEpoch) throws InvalidTreeException {
    Directory directory = new Directory(Scanned.stat(stat, (int) stat.nlink(), useEpoch), xattrs);
    for (int i = 0; i < children.length; i++) {
      byte[] name = entries.get(i).name();
      Object child = children[i];
      try {
        if (child instanceof Inode inode) {
          directory.add(name, inode);
        } else if (child instanceof ScannedDirectory below) {
          directory.add(name, below.toDirectory(useEpoch));
        } else if (child instanceof Scanned file) {
          if (file.isMade()) {
            directory.link(name, file.inode(useEpoch));
          } else {
            directory.add(name, file.inode(useEpoch));
          }
        }
      } catch (InvalidTreeException e) {
        throw new InvalidTreeException("'" + FileName.printable(name) + "': " + e.getMessage());
      }
    }
    return directory;
  }
}
