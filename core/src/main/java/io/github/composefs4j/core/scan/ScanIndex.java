package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The digests of files that were scanned before, by device, inode, size, mtime and ctime. Only ever
 * used to leave out the hashing of a file whose object is in the store with that size. Thread-safe,
 * and safe with other processes: the file is replaced as a whole, and what another process has
 * written meanwhile is kept.
 *
 * <p>As in git's index, a file that was changed so shortly before it was read that a second change
 * need not show in its times is not noted; nor is one whose ctime has whole seconds, since the
 * clock of its file system may be that coarse; and if the clock has gone back behind the time of
 * the index, all of it is forgotten. What cannot be noticed is a write to a mapping that was dirty
 * before and still is, for the kernel then changes no time, and a file server whose clock is
 * behind.
 *
 * <p>Nothing that is wrong with the index file is an error: it is then as if there were none.
 */
public final class ScanIndex {
  /** How long before reading a file must have been left alone. The coarsest clocks have 2 s. */
  static final long GRAIN_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** Most entries that are kept; those that were not used longest go first. */
  static final int ENTRIES_MAX = 500_000;

  private static final long MAGIC = 0x786469346a736663L; // "cfsj4idx", little-endian
  private static final int VERSION = 1;

  /** Magic, version, algorithm, time of writing in ms, number of entries, checksum of the rest. */
  private static final int HEADER = 8 + 4 + 4 + 8 + 4 + 4;

  /**
   * Device and inode, of which there is one entry at most; size, seconds and nanoseconds of mtime
   * and ctime.
   */
  private static final int KEY = 3 * 8 + 2 * (8 + 4);

  private final Path file;
  private final HashAlgorithm algorithm;
  private final InstantSource clock;
  private final int most;
  private final int entrySize;

  /** What the file has: read when it is first asked, by a reader, while the walk goes on. */
  private volatile @Nullable Table loaded;

  private final List<byte[]> added = new ArrayList<>();
  private final LongAdder hits = new LongAdder();

  private ScanIndex(Path directory, HashAlgorithm algorithm, InstantSource clock, int most) {
    this.file = directory.resolve("scan-" + algorithm.label());
    this.algorithm = algorithm;
    this.clock = clock;
    this.most = most;
    this.entrySize = KEY + Integer.BYTES + algorithm.size();
  }

  private Table loaded() {
    Table table = loaded;
    return table != null ? table : readOnce();
  }

  private synchronized Table readOnce() {
    Table table = loaded;
    if (table == null) {
      table = new Table(read(), entrySize);
      loaded = table;
    }
    return table;
  }

  /**
   * {@return the index of this algorithm that is kept in a directory} The directory should be the
   * user's own, such as {@code $XDG_CACHE_HOME/composefs4j}; {@link #save} makes it.
   */
  public static ScanIndex load(Path directory, HashAlgorithm algorithm) {
    return load(directory, algorithm, InstantSource.system(), ENTRIES_MAX);
  }

  static ScanIndex load(Path directory, HashAlgorithm algorithm, InstantSource clock, int most) {
    return new ScanIndex(directory, algorithm, clock, most);
  }

  /** {@return how many files did not have to be hashed} */
  public long hits() {
    return hits.sum();
  }

  /** Counts a use of {@link #find}'s answer. */
  void hit() {
    hits.increment();
  }

  /** {@return the time to pass to {@link #add}} */
  long now() {
    return TimeUnit.MILLISECONDS.toNanos(clock.millis());
  }

  /** {@return the digest that this file had, or null} */
  @Nullable Digest find(HostStat stat) {
    Table table = loaded();
    int at = table.find(stat.dev(), stat.ino());
    if (at < 0 || !table.matches(at, stat)) {
      return null;
    }
    table.used[at] = true;
    return Digest.of(algorithm, table.entries, at * entrySize + KEY + Integer.BYTES);
  }

  /**
   * Notes the digest of a file.
   *
   * @param stat before and after it was read
   * @param started {@link #now} before it was read
   */
  void add(HostStat stat, Digest digest, long started) {
    long before = started - GRAIN_NANOS;
    if (nanos(stat.mtimeSeconds(), stat.mtimeNanos()) >= before
        || nanos(stat.ctimeSeconds(), stat.ctimeNanos()) >= before
        || stat.ctimeNanos() == 0) {
      return;
    }
    byte[] entry = Arrays.copyOf(key(stat), entrySize);
    digest.copyTo(entry, KEY + Integer.BYTES);
    synchronized (added) {
      if (added.size() < most) {
        added.add(entry);
      }
    }
  }

  private static long nanos(long seconds, int nanos) {
    try {
      return Math.addExact(Math.multiplyExact(seconds, 1_000_000_000L), nanos);
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE; // no time of this world: never older than anything
    }
  }

  private static byte[] key(HostStat stat) {
    return ByteBuffer.allocate(KEY)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(stat.dev())
        .putLong(stat.ino())
        .putLong(stat.size())
        .putLong(stat.mtimeSeconds())
        .putInt(stat.mtimeNanos())
        .putLong(stat.ctimeSeconds())
        .putInt(stat.ctimeNanos())
        .array();
  }

  /** Entries and where they are by their inodes. */
  private static final class Table {
    final byte[] entries;
    final int count;
    final boolean[] used;
    private final ByteBuffer fields;
    private final int entrySize;
    private final int[] slots;

    Table(byte[] entries, int entrySize) {
      this.entries = entries;
      this.fields = ByteBuffer.wrap(entries).order(ByteOrder.LITTLE_ENDIAN);
      this.entrySize = entrySize;
      this.count = entries.length / entrySize;
      this.used = new boolean[count];
      this.slots = new int[Integer.highestOneBit(Math.max(8, count)) * 4];
      for (int i = 0; i < count; i++) {
        int at = i * entrySize;
        int slot = slot(fields.getLong(at), fields.getLong(at + 8));
        while (slots[slot] != 0) {
          slot = slot + 1 & slots.length - 1;
        }
        slots[slot] = i + 1;
      }
    }

    private int slot(long device, long inode) {
      long hash = (inode * 31 + device) * 0x9e3779b97f4a7c15L;
      return (int) (hash >>> 32) & slots.length - 1;
    }

    /** {@return the entry of an inode, or -1} */
    int find(long device, long inode) {
      int slot = slot(device, inode);
      while (slots[slot] != 0) {
        int at = (slots[slot] - 1) * entrySize;
        if (fields.getLong(at + 8) == inode && fields.getLong(at) == device) {
          return slots[slot] - 1;
        }
        slot = slot + 1 & slots.length - 1;
      }
      return -1;
    }

    /** {@return the entry of the inode that an entry is of, or -1} */
    int find(byte[] entry) {
      ByteBuffer its = ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN);
      return find(its.getLong(0), its.getLong(8));
    }

    /** {@return whether an entry is of a file with all that a key has} */
    boolean matches(int entry, HostStat stat) {
      int at = entry * entrySize;
      return fields.getLong(at + 16) == stat.size()
          && fields.getLong(at + 24) == stat.mtimeSeconds()
          && fields.getInt(at + 32) == stat.mtimeNanos()
          && fields.getLong(at + 36) == stat.ctimeSeconds()
          && fields.getInt(at + 44) == stat.ctimeNanos();
    }
  }

  /** {@return the entries of the file, none if there is anything wrong with it} */
  private byte[] read() {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      Set<PosixFilePermission> permissions =
          Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS);
      if (permissions.contains(PosixFilePermission.GROUP_WRITE)
          || permissions.contains(PosixFilePermission.OTHERS_WRITE)
          || channel.size() > HEADER + (long) most * entrySize) {
        return new byte[0];
      }
      ByteBuffer all = ByteBuffer.allocate((int) channel.size()).order(ByteOrder.LITTLE_ENDIAN);
      while (all.hasRemaining() && channel.read(all) > 0) {}
      all.flip();
      if (all.remaining() < HEADER
          || all.getLong() != MAGIC
          || all.getInt() != VERSION
          || all.getInt() != algorithm.size()
          || all.getLong() > clock.millis()) {
        return new byte[0];
      }
      int count = all.getInt();
      int sum = all.getInt();
      byte[] entries = Arrays.copyOfRange(all.array(), HEADER, all.limit());
      return entries.length == (long) count * entrySize && checksum(entries) == sum
          ? entries
          : new byte[0];
    } catch (IOException | UnsupportedOperationException e) {
      return new byte[0];
    }
  }

  private static int checksum(byte[] bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes, 0, bytes.length);
    return (int) sum.getValue();
  }

  /**
   * Writes what was noted and used, with what others have written since.
   *
   * @throws IOException if that is not possible; a reason for a word, not for failing
   */
  public void save() throws IOException {
    List<byte[]> fresh;
    synchronized (added) {
      fresh = List.copyOf(added);
    }
    if (fresh.isEmpty()) {
      return; // who only reads does not write: ages are kept for evictions, which need additions
    }
    int age = (int) TimeUnit.MILLISECONDS.toMinutes(clock.millis());
    Table before = loaded();
    List<byte[]> all = new ArrayList<>(fresh.size() + before.count);
    fresh.forEach(entry -> all.add(aged(entry, age)));
    Table known = new Table(concatenated(all), entrySize);
    Table others = new Table(read(), entrySize);
    for (int i = 0; i < others.count; i++) {
      byte[] entry = Arrays.copyOfRange(others.entries, i * entrySize, (i + 1) * entrySize);
      if (known.find(entry) < 0) {
        int mine = before.find(entry);
        all.add(mine >= 0 && before.used[mine] ? aged(entry, age) : entry);
      }
    }
    if (all.size() > most) {
      all.sort((a, b) -> Integer.compare(ageOf(b), ageOf(a)));
      all.subList(most, all.size()).clear();
    }
    write(concatenated(all), all.size());
  }

  private static byte[] aged(byte[] entry, int age) {
    ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN).putInt(KEY, age);
    return entry;
  }

  private static int ageOf(byte[] entry) {
    return ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN).getInt(KEY);
  }

  private byte[] concatenated(List<byte[]> entries) {
    byte[] all = new byte[entries.size() * entrySize];
    for (int i = 0; i < entries.size(); i++) {
      System.arraycopy(entries.get(i), 0, all, i * entrySize, entrySize);
    }
    return all;
  }

  private void write(byte[] entries, int count) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null) {
      throw new IOException(file + ": no directory");
    }
    Files.createDirectories(directory, permissions("rwx------"));
    Path temporary = Files.createTempFile(directory, ".scan", ".tmp", permissions("rw-------"));
    try {
      ByteBuffer header =
          ByteBuffer.allocate(HEADER)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(MAGIC)
              .putInt(VERSION)
              .putInt(algorithm.size())
              .putLong(clock.millis())
              .putInt(count)
              .putInt(checksum(entries))
              .flip();
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        for (ByteBuffer part : new ByteBuffer[] {header, ByteBuffer.wrap(entries)}) {
          while (part.hasRemaining()) {
            channel.write(part);
          }
        }
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static FileAttribute<?> permissions(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }
}
