package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * An object directory of this machine. Thread-safe; many processes may fill one directory at once.
 *
 * <p>An object is written under a temporary name, or none, and appears whole under its final name,
 * which is the digest of the very bytes that were written: a source that changes meanwhile cannot
 * give an object a wrong name. What is there under the name already is used if the {@link
 * StorePolicy} finds it sound, otherwise replaced. Nothing is durable before {@link #sync}.
 */
public final class LocalObjectStore implements ObjectStore {
  /**
   * Files up to this size are read once, and written only if the object is missing; those of more
   * than a block share it with their source where that is possible.
   */
  private static final int SMALL = 1 << 20;

  private static final int BUFFER = 1 << 18;

  /** Files above this size are worth the help of other threads. */
  private static final int PARALLEL = 4 << 20;

  private static final int PAGE = 4096;
  private static final long UNKNOWN = -1;

  /**
   * Objects found present less objects found absent, between these bounds: what the next one is
   * likely to be.
   */
  private static final int TREND_MAX = 8;

  private final Path path;
  private final Platform platform;

  /** Null as long as there is no directory. */
  private volatile @Nullable StoreDirectory directory;

  private final HashAlgorithm algorithm;
  private final StorePolicy policy;
  private final AtomicInteger trend = new AtomicInteger();
  private final LongAdder copied = new LongAdder();
  private final LongAdder cloned = new LongAdder();
  private final LongAdder linked = new LongAdder();
  private final LongAdder present = new LongAdder();
  private final LongAdder replaced = new LongAdder();

  private LocalObjectStore(
      Platform platform, Path path, HashAlgorithm algorithm, StorePolicy policy) {
    this.platform = platform;
    this.path = path;
    this.algorithm = algorithm;
    this.policy = policy;
  }

  /** {@return the store in a directory, which is made with its parents for the first object} */
  public static LocalObjectStore open(Platform platform, Path path, HashAlgorithm algorithm)
      throws IOException {
    return open(platform, path, algorithm, StorePolicy.TRUSTING);
  }

  /** {@return as {@link #open(Platform, Path, HashAlgorithm)}, with a policy} */
  public static LocalObjectStore open(
      Platform platform, Path path, HashAlgorithm algorithm, StorePolicy policy)
      throws IOException {
    LocalObjectStore store = new LocalObjectStore(platform, path, algorithm, policy);
    store.existing(); // what is there and no directory is an error now
    return store;
  }

  private StoreDirectory made() throws IOException {
    StoreDirectory made = existing();
    return made != null ? made : make();
  }

  private synchronized StoreDirectory make() throws IOException {
    StoreDirectory made = directory;
    if (made == null) {
      made = platform.openStore(path);
      directory = made;
    }
    return made;
  }

  /** {@return the directory, which another process may have made meanwhile, or null} */
  private @Nullable StoreDirectory existing() throws IOException {
    StoreDirectory made = directory;
    return made != null ? made : openExisting();
  }

  private synchronized @Nullable StoreDirectory openExisting() throws IOException {
    if (directory == null) {
      try {
        directory = platform.openExistingStore(path);
      } catch (NoSuchFileException e) {
        return null;
      }
    }
    return directory;
  }

  private long fileSize(Digest digest) throws IOException {
    StoreDirectory made = existing();
    return made == null ? StoreDirectory.ABSENT : made.fileSize(digest.objectPath());
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  /** {@return how many objects were written or linked} */
  public long stored() {
    return copied.sum() + cloned.sum() + linked.sum();
  }

  /** {@return how many objects share blocks with their source} */
  public long cloned() {
    return cloned.sum();
  }

  /** {@return how many objects are their source under a second name} */
  public long linked() {
    return linked.sum();
  }

  /** {@return how many objects were there already} */
  public long present() {
    return present.sum();
  }

  /**
   * {@return how many objects were there but bad, and have been replaced; counted as stored too}
   */
  public long replaced() {
    return replaced.sum();
  }

  /** What one thread needs to put objects: buffers and a hash. Reusable; for one thread. */
  public static final class Worker {
    private final VerityHasher hasher;
    private final Executor helpers;
    private final int parallelism;
    private byte[] buffer = new byte[BUFFER];
    private byte[] other = new byte[0];

    /** A worker for objects of this algorithm that does all in its own thread. */
    public Worker(HashAlgorithm algorithm) {
      this(algorithm, Runnable::run, 1);
    }

    /**
     * A worker for objects of this algorithm that has others help with large files.
     *
     * @param helpers as for {@link VerityDigests#digest}
     * @param parallelism how many threads hash one file at most, this one included
     */
    public Worker(HashAlgorithm algorithm, Executor helpers, int parallelism) {
      this.hasher = new VerityHasher(algorithm);
      this.helpers = helpers;
      this.parallelism = parallelism;
    }

    /**
     * {@return the digest of a file}
     *
     * @throws SourceChangedException if it has not its size
     */
    public Digest digest(ObjectSource source) throws IOException {
      if (source.size() > PARALLEL) {
        Digest digest =
            digestLarge(
                (position, into, offset, length) -> read(source, position, into, offset, length),
                source);
        checkEnd(source);
        return digest;
      }
      hasher.reset();
      long position = 0;
      while (position <= source.size()) {
        int read = fill(source, position, buffer.length);
        hasher.update(buffer, 0, read);
        position += read;
        if (read < buffer.length) {
          break;
        }
      }
      Digest digest = hasher.digest();
      checkSize(source, position);
      return digest;
    }

    private Digest digestLarge(VerityDigests.Source bytes, ObjectSource source) throws IOException {
      try {
        return VerityDigests.digest(
            bytes, source.size(), hasher.algorithm(), hasher.blockSize(), helpers, parallelism);
      } catch (EOFException e) {
        throw new SourceChangedException(
            source.path(), "changed while it was read: " + e.getMessage());
      }
    }

    /** Reads until the buffer has {@code wanted} bytes or the source ends. */
    private int fill(ObjectSource source, long position, int wanted) throws IOException {
      return read(source, position, buffer, 0, wanted);
    }

    private static int read(ObjectSource source, long position, byte[] into, int offset, int wanted)
        throws IOException {
      try {
        return readFully(source.file(), position, into, offset, wanted, source.size());
      } catch (IOException e) {
        throw new ComposefsException(source.path() + ": " + e.getMessage(), e);
      }
    }

    /** Hashes a copy of a source that is in a temporary file. */
    private Digest hash(TemporaryFile temporary, ObjectSource source) throws IOException {
      Digest digest =
          digestLarge(
              (position, into, offset, length) -> {
                int filled = 0;
                int read;
                do {
                  read = temporary.read(position + filled, into, offset + filled, length - filled);
                  filled += read;
                } while (read > 0 && filled < length);
                return filled;
              },
              source);
      // A clone is of the whole file, which may have grown, and shrunk again since.
      checkSize(source, source.size() + temporary.read(source.size(), buffer, 0, 1));
      return digest;
    }

    /** {@return the digest of an open file} */
    private Digest digest(HostFile file) throws IOException {
      hasher.reset();
      long position = 0;
      int read;
      while ((read = readFully(file, position, buffer, 0, buffer.length, UNKNOWN)) > 0) {
        hasher.update(buffer, 0, read);
        position += read;
      }
      return hasher.digest();
    }

    /** {@return whether a file begins with {@code length} bytes of the buffer and ends there} */
    private boolean same(HostFile file, long position, int length) throws IOException {
      if (other.length <= length) {
        other = new byte[Math.max(BUFFER, length + 1)];
      }
      int wanted = length + (length < buffer.length ? 1 : 0);
      int read = readFully(file, position, other, 0, wanted, UNKNOWN);
      return Arrays.equals(buffer, 0, length, other, 0, read);
    }

    /** {@return whether a temporary file begins with {@code length} bytes of the buffer} */
    private boolean same(TemporaryFile file, int length) throws IOException {
      if (other.length < BUFFER) {
        other = new byte[BUFFER];
      }
      for (int done = 0; done < length; ) {
        int read = file.read(done, other, 0, Math.min(BUFFER, length - done));
        if (read <= 0 || !Arrays.equals(buffer, done, done + read, other, 0, read)) {
          return false;
        }
        done += read;
      }
      return true;
    }

    private void room(int size) {
      if (buffer.length < size) {
        buffer = new byte[SMALL + 1];
      }
    }
  }

  /**
   * Reads until there are {@code wanted} bytes or the file ends.
   *
   * @param end where it is expected to end
   */
  private static int readFully(
      HostFile file, long position, byte[] into, int offset, int wanted, long end)
      throws IOException {
    int filled = 0;
    while (filled < wanted) {
      int read = file.read(position + filled, into, offset + filled, wanted - filled);
      if (read <= 0) {
        break;
      }
      filled += read;
      if (position + filled == end && filled % PAGE != 0) {
        break; // what stops inside of a page stops at the end of the file: no need to ask again
      }
    }
    return filled;
  }

  private static void checkSize(ObjectSource source, long read) throws SourceChangedException {
    if (read != source.size()) {
      throw new SourceChangedException(
          source.path(),
          "changed while it was read: " + read + " bytes or more instead of " + source.size());
    }
  }

  /** Some ways of reading stop at the size that was asked for, whatever the file has by now. */
  private static void checkEnd(ObjectSource source) throws IOException {
    int beyond = source.file().read(source.size(), new byte[1], 0, 1);
    checkSize(source, source.size() + Math.max(0, beyond));
  }

  /**
   * Makes a file an object.
   *
   * @return the digest of the bytes that were read, which is the object's name
   * @throws SourceChangedException if the file has not its size
   */
  public Digest put(ObjectSource source, Worker worker) throws IOException {
    worker.hasher.reset();
    if (source.size() <= SMALL && policy.transfer() != StorePolicy.Transfer.ZERO_COPY) {
      return putSmall(source, worker);
    }
    if (trend.get() > 0) {
      Digest digest = worker.digest(source);
      if (isThere(digest, source.size()) && isSound(digest, source, worker)) {
        present.increment();
        return digest;
      }
    }
    return putLarge(source, worker);
  }

  private Digest putSmall(ObjectSource source, Worker worker) throws IOException {
    int size = (int) source.size();
    worker.room(size + 1);
    int read = worker.fill(source, 0, size + 1);
    checkSize(source, read);
    worker.hasher.update(worker.buffer, 0, read);
    Digest digest = worker.hasher.digest();
    boolean there = isThere(digest, size);
    if (there && isSound(digest, file -> worker.same(file, 0, read))) {
      present.increment();
      return digest;
    }
    if (!there && policy.links() && link(source, digest)) {
      return digest;
    }
    try (TemporaryFile temporary = made().create()) {
      boolean shared = size > VerityHasher.BLOCK_SIZE && temporary.cloneFrom(source.file());
      if (!shared) {
        temporary.write(worker.buffer, 0, read);
      } else if (!worker.same(temporary, read)) {
        throw new SourceChangedException(source.path(), "changed while it was read");
      }
      publish(temporary, digest, there, worker, shared ? cloned : copied);
    }
    return digest;
  }

  /** Copies first, sharing blocks where possible, and hashes what was copied. */
  private Digest putLarge(ObjectSource source, Worker worker) throws IOException {
    worker.hasher.reset();
    try (TemporaryFile temporary = made().create()) {
      if (temporary.cloneFrom(source.file())) {
        return publishAs(worker.hash(temporary, source), temporary, source, worker, cloned);
      }
      if (policy.links()) {
        Digest digest = made().protect(source.file(), algorithm).orElse(null);
        if (digest != null && digest.algorithm() == algorithm && link(source, digest)) {
          return digest;
        }
      }
      if (policy.transfer() == StorePolicy.Transfer.ZERO_COPY) {
        throw new ComposefsException(
            source.path() + ": can neither be cloned nor linked into " + path);
      }
      if (temporary.copyRangeFrom(source.file(), source.size())) {
        return publishAs(worker.hash(temporary, source), temporary, source, worker, copied);
      }
    }
    // A copy that the kernel gave up may have left something: what follows starts with nothing.
    try (TemporaryFile temporary = made().create()) {
      long done = 0;
      int read;
      do {
        read = worker.fill(source, done, worker.buffer.length);
        worker.hasher.update(worker.buffer, 0, read);
        temporary.write(worker.buffer, 0, read);
        done += read;
      } while (read == worker.buffer.length && done <= source.size());
      checkSize(source, done);
      return publishAs(worker.hasher.digest(), temporary, source, worker, copied);
    }
  }

  /** Makes the source itself the object, once the kernel guarantees its digest. */
  private boolean link(ObjectSource source, Digest digest) throws IOException {
    Digest measured = made().protect(source.file(), algorithm).orElse(null);
    if (!digest.equals(measured) || !made().hardLink(source.file(), digest.objectPath())) {
      return false;
    }
    linked.increment();
    return true;
  }

  private Digest publishAs(
      Digest digest, TemporaryFile temporary, ObjectSource source, Worker worker, LongAdder counter)
      throws IOException {
    checkEnd(source);
    publishUnlessSound(digest, temporary, source.size(), worker, counter);
    return digest;
  }

  private void publishUnlessSound(
      Digest digest, TemporaryFile temporary, long size, Worker worker, LongAdder counter)
      throws IOException {
    boolean there = isThere(digest, size);
    if (there && isSound(digest, worker)) {
      present.increment();
      return;
    }
    publish(temporary, digest, there, worker, counter);
  }

  private boolean isThere(Digest digest, long size) throws IOException {
    boolean there = fileSize(digest) == size;
    trend.getAndUpdate(t -> Math.clamp(t + (there ? 1 : -1), -TREND_MAX, TREND_MAX));
    return there;
  }

  private interface Comparison {
    boolean matches(HostFile object) throws IOException;
  }

  /** Whether the object under this name is what its name says, asked of the kernel if it knows. */
  private boolean isSound(Digest digest, Comparison comparison) throws IOException {
    if (!policy.contentChecked()) {
      return true;
    }
    try (HostFile object = made().open(digest.objectPath())) {
      Digest measured = object.verityDigest().orElse(null);
      if (measured != null || policy.verityRequired()) {
        return digest.equals(measured);
      }
      return comparison.matches(object);
    } catch (IOException e) {
      return false; // what cannot be read is no object
    }
  }

  private boolean isSound(Digest digest, Worker worker) throws IOException {
    return isSound(digest, object -> worker.digest(object).equals(digest));
  }

  /** Compares with the source, which was just read: cheaper than another hash. */
  private boolean isSound(Digest digest, ObjectSource source, Worker worker) throws IOException {
    return isSound(
        digest,
        object -> {
          long position = 0;
          int read;
          do {
            read = worker.fill(source, position, worker.buffer.length);
            if (!worker.same(object, position, read)) {
              return false;
            }
            position += read;
          } while (read == worker.buffer.length);
          return true;
        });
  }

  /**
   * Gives a temporary file the name of an object.
   *
   * @param bad whether what is there now was found to be bad
   */
  private void publish(
      TemporaryFile temporary, Digest digest, boolean bad, Worker worker, LongAdder counter)
      throws IOException {
    byte[] name = digest.objectPath();
    Digest measured = temporary.seal(algorithm, policy.verityRequired()).orElse(null);
    if (measured != null && !measured.equals(digest)) {
      throw DigestMismatchException.whole("temporary object", digest.hex(), measured.hex());
    }
    if (bad || !temporary.publish(name, false)) {
      if (!bad && isSoundNewcomer(digest, temporary, worker)) {
        present.increment();
        return;
      }
      replace(temporary, digest);
      replaced.increment();
    }
    counter.increment();
  }

  /** Whether what came under the name meanwhile, or has another size, can stay. */
  private boolean isSoundNewcomer(Digest digest, TemporaryFile temporary, Worker worker)
      throws IOException {
    long size = fileSize(digest);
    return size >= 0
        && (size == 0 || temporary.read(size - 1, new byte[1], 0, 1) == 1)
        && temporary.read(size, new byte[1], 0, 1) == 0
        && isSound(digest, worker);
  }

  private void replace(TemporaryFile temporary, Digest digest) throws IOException {
    byte[] name = digest.objectPath();
    boolean noFile = fileSize(digest) == StoreDirectory.NO_FILE;
    try {
      if (!temporary.publish(name, true)) {
        throw new ComposefsException("object " + digest.hex() + ": could not be put in place");
      }
    } catch (IOException e) {
      // Nothing is opened to find out more: it might be a FIFO.
      throw noFile
          ? new ComposefsException(
              "object "
                  + digest.hex()
                  + ": what is in its place, a directory perhaps, cannot be"
                  + " replaced",
              e)
          : e;
    }
  }

  /** {@return a new object, empty yet, to be written and committed} */
  public NewObject create(Worker worker) throws IOException {
    worker.hasher.reset();
    return new NewObject(made().create(), worker);
  }

  /**
   * Stores bytes.
   *
   * @return their digest
   */
  public Digest put(byte[] content, Worker worker) throws IOException {
    try (NewObject object = create(worker)) {
      object.write(ByteBuffer.wrap(content));
      return object.commit(null);
    }
  }

  /**
   * Copies an object from another store, unless a sound one is here. Verified on arrival.
   *
   * @return whether it was copied
   * @throws DigestMismatchException if the other store's is damaged
   */
  public boolean copyFrom(ObjectStore other, Digest digest, Worker worker) throws IOException {
    if (fileSize(digest) >= 0 && isSound(digest, object -> worker.digest(object).equals(digest))) {
      present.increment();
      return false;
    }
    try (ObjectReader reader = other.open(digest);
        NewObject object = create(worker)) {
      byte[] bytes = new byte[BUFFER];
      long position = 0;
      int read;
      while ((read = reader.read(position, bytes, 0, bytes.length)) > 0) {
        object.write(ByteBuffer.wrap(bytes, 0, read));
        position += read;
      }
      object.commit(digest);
    }
    return true;
  }

  /** An object under construction; closing it gives it up unless committed. For one thread. */
  public final class NewObject implements WritableByteChannel {
    private final TemporaryFile temporary;
    private final Worker worker;
    private long size;
    private boolean open = true;

    private NewObject(TemporaryFile temporary, Worker worker) {
      this.temporary = temporary;
      this.worker = worker;
    }

    /** {@return the bytes written so far} */
    public long size() {
      return size;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
      int all = from.remaining();
      while (from.hasRemaining()) {
        int part = Math.min(from.remaining(), worker.buffer.length);
        from.get(worker.buffer, 0, part);
        worker.hasher.update(worker.buffer, 0, part);
        temporary.write(worker.buffer, 0, part);
        size += part;
      }
      return all;
    }

    /**
     * Makes what was written an object.
     *
     * @param expected what its digest must be, or null
     * @return its digest
     * @throws DigestMismatchException if it is another than expected
     */
    public Digest commit(@Nullable Digest expected) throws IOException {
      Digest digest = worker.hasher.digest();
      if (expected != null && !expected.equals(digest)) {
        throw DigestMismatchException.whole("object", expected.hex(), digest.hex());
      }
      publishUnlessSound(digest, temporary, size, worker, copied);
      return digest;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() throws IOException {
      if (open) {
        open = false;
        temporary.close();
      }
    }
  }

  @Override
  public ObjectReader open(Digest digest) throws IOException {
    StoreDirectory made = existing();
    try {
      if (made != null) {
        return ObjectReader.of(made.open(digest.objectPath()));
      }
    } catch (NoSuchFileException e) {
      // said below
    }
    throw new MissingObjectException(digest.hex(), path.toString());
  }

  @Override
  public ObjectReader openPath(byte[] below) throws IOException {
    StoreDirectory made = existing();
    try {
      if (made != null && !leadsOut(below)) {
        return ObjectReader.of(made.open(below));
      }
    } catch (NoSuchFileException e) {
      // said below
    }
    throw new MissingObjectException(FileName.printable(below), path.toString());
  }

  private static boolean leadsOut(byte[] path) {
    String[] names = FileName.decode(path).split("/", -1);
    return Arrays.stream(names)
        .anyMatch(name -> name.isEmpty() || name.equals("..") || name.indexOf('\0') >= 0);
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, fileSize(digests.get(i)) >= 0);
    }
    return present;
  }

  @Override
  public Optional<Path> directory() {
    return Optional.of(path);
  }

  /** {@return whether there is a regular file of this size under the digest's name} */
  public boolean contains(Digest digest, long size) throws IOException {
    return fileSize(digest) == size;
  }

  /** Makes all objects put so far durable, in one go. */
  public void sync() throws IOException {
    StoreDirectory made = directory;
    if (made != null) {
      made.sync();
    }
  }

  @Override
  public void close() throws IOException {
    StoreDirectory made = directory;
    if (made != null) {
      made.close();
    }
  }
}
