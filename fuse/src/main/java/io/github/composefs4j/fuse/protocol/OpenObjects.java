package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.objects.ObjectReader;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Objects that were read lately, kept open: the kernel does not say when a file is opened and
 * closed (fuse-and-mount.md 7). The least recently used is closed first, but never during a read.
 * Thread-safe.
 */
final class OpenObjects implements Closeable {
  private final ContentSource source;
  private final int most;
  private final LinkedHashMap<Long, Entry> entries = new LinkedHashMap<>(64, 0.75f, true);

  OpenObjects(ContentSource source, int most) {
    this.source = source;
    this.most = most;
  }

  /** An object in use; closing it ends the use. */
  final class Entry implements Closeable {
    private final ImageInode inode;
    private @Nullable ObjectReader reader;

    /** Guarded by the whole, as is whether it was dropped. */
    private int users;

    private boolean dropped;

    private Entry(ImageInode inode) {
      this.inode = inode;
    }

    /** {@return what the object is the content of} */
    ImageInode inode() {
      return inode;
    }

    /** {@return the open object; opened by the first who asks, while others wait} */
    synchronized ObjectReader reader() throws IOException {
      ObjectReader known = reader;
      if (known == null) {
        known = source.open(inode);
        reader = known;
      }
      return known;
    }

    @Override
    public void close() {
      boolean last;
      synchronized (OpenObjects.this) {
        last = --users == 0 && dropped;
      }
      if (last) {
        closeReader();
      }
    }

    private synchronized void closeReader() {
      try {
        if (reader != null) {
          reader.close();
        }
      } catch (IOException e) {
        // it was only read
      }
    }
  }

  /** {@return an object that is not kept, to be closed after use} */
  ObjectReader open(ImageInode inode) throws IOException {
    return source.open(inode);
  }

  /** {@return the object of a node if it is kept open, to be closed after use; or null} */
  synchronized @Nullable Entry useKnown(long nodeId) {
    Entry known = entries.get(nodeId);
    if (known != null) {
      known.users++;
    }
    return known;
  }

  /** {@return the object of a node, to be closed after use} */
  Entry use(long nodeId, ImageInode inode) {
    Entry known = useKnown(nodeId);
    if (known != null) {
      return known;
    }
    Entry fresh = new Entry(inode);
    Entry evicted = null;
    Entry result;
    synchronized (this) {
      Entry other = entries.putIfAbsent(nodeId, fresh);
      result = other == null ? fresh : other;
      result.users++;
      if (entries.size() > most) {
        Iterator<Entry> eldest = entries.values().iterator();
        Entry first = eldest.next();
        eldest.remove();
        first.dropped = true;
        evicted = first.users == 0 ? first : null;
      }
    }
    if (evicted != null) {
      evicted.closeReader();
    }
    return result;
  }

  @Override
  public void close() {
    List<Entry> idle = new ArrayList<>();
    synchronized (this) {
      for (Entry entry : entries.values()) {
        entry.dropped = true;
        if (entry.users == 0) {
          idle.add(entry);
        }
      }
      entries.clear();
    }
    idle.forEach(Entry::closeReader);
  }

  /** {@return how many are open} */
  synchronized int size() {
    return entries.size();
  }
}
