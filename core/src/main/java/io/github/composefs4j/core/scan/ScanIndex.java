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
import java.util.concurrent.ConcurrentHashMap;
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
 * need not show in its times is not noted; and if the clock has gone back behind the time of the
 * index, all of it is forgotten. A clock that was set back and forward again meanwhile does not
 * come upon the same nanosecond twice, but may upon the same second: a ctime of whole seconds is
 * noted only if another file of the device has a finer one, for then its file system keeps
 * fractions. What cannot be noticed is a write to a mapping that was dirty before and still is, for
 * the kernel then changes no time, and a file server whose clock is behind.
 *
 * <p>Nothing that is wrong with the index file is an error: it is then as if there were none.
 */
public final class ScanIndex {
  /** How long before reading a file must have been left alone. The coarsest clocks have 2 s. */
  static final long GRAIN_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** Most entries that are kept; those that were not used longest go first. */
  static final int ENTRIES_MAX = 500_000;

  private static final long MAGIC = 0x786469346a736663L; // "cfsj4idx", little-endian
  private static final int VERSION = 2;

  /** Magic, version, algorithm, time of writing in ms, number of entries, checksum of the rest. */
  private static final int HEADER = 8 + 4 + 4 + 8 + 4 + 4;

  private static final int BUFFER = 1 << 18;
  private static final long[] NONE = {};

  // The words of an entry, which is of one inode: entries lie in the order of the first two.
  private static final int DEVICE = 0;
  private static final int INODE = 1;
  private static final int SIZE = 2;
  private static final int MTIME = 3;
  private static final int CTIME = 4;

  /** Of mtime the higher half, of ctime the lower. */
  private static final int NANOS = 5;

  /** When it was last used, in minutes since 1970. */
  private static final int USED = 6;

  private static final int DIGEST = 7;

  private final Path file;
  private final HashAlgorithm algorithm;
  private final InstantSource clock;
  private final int most;

  /** Words of an entry. */
  private final int stride;

  /** What the file has: read when it is first asked, by a reader, while the walk goes on. */
  private volatile @Nullable Table loaded;

  private final List<long[]> added = new ArrayList<>();

  /** Devices whose ctimes have fractions of seconds. */
  private final Set<Long> fine = ConcurrentHashMap.newKeySet();

  private volatile long lastFine = -1;
  private final LongAdder hits = new LongAdder();

  private ScanIndex(Path directory, HashAlgorithm algorithm, InstantSource clock, int most) {
    this.file = directory.resolve("scan-" + algorithm.label());
    this.algorithm = algorithm;
    this.clock = clock;
    this.most = most;
    this.stride = DIGEST + algorithm.size() / Long.BYTES;
  }

  private Table loaded() {
    Table table = loaded;
    return table != null ? table : readOnce();
  }

  private synchronized Table readOnce() {
    Table table = loaded;
    if (table == null) {
      table = read();
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
    noteClock(stat);
    int entry = table.find(stat.dev(), stat.ino());
    if (entry < 0 || !table.matches(entry, stat)) {
      return null;
    }
    table.used[entry] = true;
    return Digest.ofWords(algorithm, table.words, entry * stride + DIGEST);
  }

  /**
   * Notes the digest of a file.
   *
   * @param stat before and after it was read
   * @param started {@link #now} before it was read
   */
  void add(HostStat stat, Digest digest, long started) {
    noteClock(stat);
    long before = started - GRAIN_NANOS;
    if (nanos(stat.mtimeSeconds(), stat.mtimeNanos()) >= before
        || nanos(stat.ctimeSeconds(), stat.ctimeNanos()) >= before) {
      return;
    }
    long[] entry = new long[stride];
    entry[DEVICE] = stat.dev();
    entry[INODE] = stat.ino();
    entry[SIZE] = stat.size();
    entry[MTIME] = stat.mtimeSeconds();
    entry[CTIME] = stat.ctimeSeconds();
    entry[NANOS] = nanos(stat);
    digest.copyWordsTo(entry, DIGEST);
    synchronized (added) {
      if (added.size() < most) {
        added.add(entry);
      }
    }
  }

  private void noteClock(HostStat stat) {
    if (stat.ctimeNanos() != 0 && stat.dev() != lastFine) {
      fine.add(stat.dev());
      lastFine = stat.dev();
    }
  }

  /** {@return whether a change of its file always shows in an entry} */
  private boolean isTelling(long[] entry) {
    return (int) entry[NANOS] != 0 || fine.contains(entry[DEVICE]);
  }

  private static long nanos(long seconds, int nanos) {
    try {
      return Math.addExact(Math.multiplyExact(seconds, 1_000_000_000L), nanos);
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE; // no time of this world: never older than anything
    }
  }

  private static long nanos(HostStat stat) {
    return (long) stat.mtimeNanos() << 32 | stat.ctimeNanos();
  }

  private static int order(long device, long inode, long otherDevice, long otherInode) {
    return device == otherDevice
        ? Long.compare(inode, otherInode)
        : Long.compare(device, otherDevice);
  }

  /**
   * Entries as they lie in the file, so that nothing is made of them when it is read. A search
   * begins where the last one ended: the inodes of a directory are near each other on most file
   * systems, and so are their entries then, where those of a hash table would come from memory one
   * by one.
   */
  private static final class Table {
    final long[] words;
    final int count;
    final boolean[] used;
    private final int stride;

    /** The last entry found; what races leave there is one of them, too. */
    private int last;

    Table(long[] words, int stride) {
      this.words = words;
      this.stride = stride;
      this.count = words.length / stride;
      this.used = new boolean[count];
    }

    /** {@return the entry of an inode, or -1} */
    int find(long device, long inode) {
      int low = last;
      int high = Math.min(low + 1, count);
      int step = 1;
      while (low > 0 && order(low, device, inode) > 0) {
        high = low;
        low = Math.max(0, low - step);
        step <<= 1;
      }
      while (high < count && order(high - 1, device, inode) < 0) {
        low = high;
        high = Math.min(count, high + step);
        step <<= 1;
      }
      while (low < high) {
        int middle = low + high >>> 1;
        if (order(middle, device, inode) < 0) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      if (low == count || order(low, device, inode) != 0) {
        return -1;
      }
      last = low;
      return low;
    }

    private int order(int entry, long device, long inode) {
      int at = entry * stride;
      return ScanIndex.order(words[at + DEVICE], words[at + INODE], device, inode);
    }

    /** {@return whether an entry is of a file with all that it knows of one} */
    boolean matches(int entry, HostStat stat) {
      int at = entry * stride;
      return words[at + SIZE] == stat.size()
          && words[at + MTIME] == stat.mtimeSeconds()
          && words[at + CTIME] == stat.ctimeSeconds()
          && words[at + NANOS] == nanos(stat);
    }

    long[] entry(int number) {
      return Arrays.copyOfRange(words, number * stride, (number + 1) * stride);
    }
  }

  /** {@return the entries of the file, none if there is anything wrong with it} */
  private Table read() {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      Set<PosixFilePermission> permissions =
          Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS);
      long[] words =
          permissions.contains(PosixFilePermission.GROUP_WRITE)
                  || permissions.contains(PosixFilePermission.OTHERS_WRITE)
              ? null
              : read(channel);
      return new Table(words == null ? NONE : words, stride);
    } catch (IOException | UnsupportedOperationException e) {
      return new Table(NONE, stride);
    }
  }

  private long @Nullable [] read(FileChannel channel) throws IOException {
    ByteBuffer buffer = buffer();
    buffer.limit(HEADER);
    if (!fill(channel, buffer)
        || buffer.getLong() != MAGIC
        || buffer.getInt() != VERSION
        || buffer.getInt() != algorithm.size()
        || buffer.getLong() > clock.millis()) {
      return null;
    }
    int count = buffer.getInt();
    int sum = buffer.getInt();
    if (count < 0
        || count > most
        || channel.size() != HEADER + (long) count * stride * Long.BYTES) {
      return null;
    }
    long[] words = new long[count * stride];
    CRC32C actual = new CRC32C();
    for (int at = 0; at < words.length; ) {
      int part = Math.min(words.length - at, BUFFER / Long.BYTES);
      buffer.clear().limit(part * Long.BYTES);
      if (!fill(channel, buffer)) {
        return null;
      }
      buffer.asLongBuffer().get(words, at, part);
      actual.update(buffer);
      at += part;
    }
    return (int) actual.getValue() == sum ? words : null;
  }

  private static ByteBuffer buffer() {
    return ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static boolean fill(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        return false;
      }
    }
    buffer.flip();
    return true;
  }

  /**
   * Writes what was noted and used, with what others have written since.
   *
   * @throws IOException if that is not possible; a reason for a word, not for failing
   */
  public void save() throws IOException {
    List<long[]> fresh;
    synchronized (added) {
      fresh = new ArrayList<>(added);
    }
    fresh.removeIf(entry -> !isTelling(entry));
    if (fresh.isEmpty()) {
      return; // who only reads does not write: ages are kept for evictions, which need additions
    }
    long now = TimeUnit.MILLISECONDS.toMinutes(clock.millis());
    Table before = loaded();
    fresh.forEach(entry -> entry[USED] = now);
    Table known = new Table(ordered(fresh), stride);
    List<long[]> all = new ArrayList<>(fresh);
    Table others = read();
    for (int i = 0; i < others.count; i++) {
      long[] entry = others.entry(i);
      if (known.find(entry[DEVICE], entry[INODE]) < 0) {
        int mine = before.find(entry[DEVICE], entry[INODE]);
        if (mine >= 0 && before.used[mine]) {
          entry[USED] = now;
        }
        all.add(entry);
      }
    }
    if (all.size() > most) {
      all.sort((a, b) -> Long.compare(b[USED], a[USED]));
      all.subList(most, all.size()).clear();
    }
    write(ordered(all));
  }

  /** Sorts entries; {@return their words, of each inode those of the last} */
  private long[] ordered(List<long[]> entries) {
    entries.sort((a, b) -> order(a[DEVICE], a[INODE], b[DEVICE], b[INODE]));
    long[] words = new long[entries.size() * stride];
    int end = 0;
    for (long[] entry : entries) {
      int before = end - stride;
      boolean again =
          end > 0
              && words[before + DEVICE] == entry[DEVICE]
              && words[before + INODE] == entry[INODE];
      int at = again ? before : end;
      System.arraycopy(entry, 0, words, at, stride);
      end = at + stride;
    }
    return Arrays.copyOf(words, end);
  }

  private void write(long[] words) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null) {
      throw new IOException(file + ": no directory");
    }
    Files.createDirectories(directory, permissions("rwx------"));
    Path temporary = Files.createTempFile(directory, ".scan", ".tmp", permissions("rw-------"));
    try {
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        write(channel, words);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private void write(FileChannel channel, long[] words) throws IOException {
    ByteBuffer buffer = buffer();
    CRC32C sum = new CRC32C();
    channel.position(HEADER);
    for (int at = 0; at < words.length; ) {
      int part = Math.min(words.length - at, BUFFER / Long.BYTES);
      buffer.clear().limit(part * Long.BYTES);
      buffer.asLongBuffer().put(words, at, part);
      sum.update(buffer.duplicate());
      empty(channel, buffer);
      at += part;
    }
    buffer
        .clear()
        .putLong(MAGIC)
        .putInt(VERSION)
        .putInt(algorithm.size())
        .putLong(clock.millis())
        .putInt(words.length / stride)
        .putInt((int) sum.getValue())
        .flip();
    channel.position(0);
    empty(channel, buffer);
  }

  private static void empty(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static FileAttribute<?> permissions(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }
}
