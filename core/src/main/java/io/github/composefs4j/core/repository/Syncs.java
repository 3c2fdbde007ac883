package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.spi.StoreDirectory;
import java.io.IOException;
import java.util.Set;

/** What makes a repository's changes durable, unless that is not wanted. Thread-safe. */
final class Syncs {
  /** More are synced with all else of their file system: each alone may flush the disk's cache. */
  private static final int MANY_DIRECTORIES = 16;

  private final StoreDirectory root;
  private final boolean wanted;

  Syncs(StoreDirectory root, boolean wanted) {
    this.root = root;
    this.wanted = wanted;
  }

  /** {@return whether anything is made durable} */
  boolean wanted() {
    return wanted;
  }

  /** Makes links durable, and forgets the directories they are in. */
  void directories(Set<String> directories) throws IOException {
    if (directories.size() > MANY_DIRECTORIES) {
      all();
    } else if (wanted) {
      for (String directory : directories) {
        root.syncDirectory(Links.bytes(directory));
      }
    }
    directories.clear();
  }

  /** Makes everything durable. */
  void all() throws IOException {
    if (wanted) {
      root.sync();
    }
  }
}
