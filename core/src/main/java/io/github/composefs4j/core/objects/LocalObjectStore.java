package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.SourceChangedException;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.TemporaryFile;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
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

  private final Path path;
  private final ObjectDirectory directory;
  private final HashAlgorithm algorithm;
  private final StorePolicy policy;
  private final ObjectPublisher publisher;
  private final Writeback writeback;
  private final LongAdder copied = new LongAdder();
  private final LongAdder cloned = new LongAdder();
  private final LongAdder linked = new LongAdder();

  private LocalObjectStore(
      Platform platform, Path path, HashAlgorithm algorithm, StorePolicy policy) {
    this.path = path;
    this.algorithm = algorithm;
    this.policy = policy;
    this.directory = new ObjectDirectory(platform, path);
    this.publisher = new ObjectPublisher(directory, algorithm, policy);
    this.writeback = new Writeback(directory);
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
    store.directory.existing(); // what is there and no directory is an error now
    return store;
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
    return publisher.present.sum();
  }

  /**
   * {@return how many objects were there but bad, and have been replaced; counted as stored too}
   */
  public long replaced() {
    return publisher.replaced.sum();
  }

  /**
   * Makes a file an object.
   *
   * @return the digest of the bytes that were read, which is the object's name
   * @throws SourceChangedException if the file has not its size
   */
  public Digest put(ObjectSource source, ObjectWorker worker) throws IOException {
    worker.hasher.reset();
    if (source.size() <= SMALL && policy.transfer() != StorePolicy.Transfer.ZERO_COPY) {
      return putSmall(source, worker);
    }
    if (publisher.expectsPresent()) {
      Digest digest = worker.digest(source);
      if (publisher.isThere(digest, source.size()) && publisher.isSound(digest, source, worker)) {
        publisher.present.increment();
        return digest;
      }
    }
    return putLarge(source, worker);
  }

  private Digest putSmall(ObjectSource source, ObjectWorker worker) throws IOException {
    int size = (int) source.size();
    worker.room(size + 1, SMALL + 1);
    int read = worker.fill(source, 0, size + 1);
    ObjectWorker.checkSize(source, read);
    worker.hasher.update(worker.buffer, 0, read);
    Digest digest = worker.hasher.digest();
    boolean there = publisher.isThere(digest, size);
    // The comparison is made where it is called for only: this comes once for every small file.
    if (there
        && (!policy.contentChecked()
            || publisher.isSound(digest, file -> worker.same(file, 0, read)))) {
      publisher.present.increment();
      return digest;
    }
    if (!there && policy.links() && link(source, digest)) {
      return digest;
    }
    try (TemporaryFile temporary = directory.made().create()) {
      boolean shared = size > VerityHasher.BLOCK_SIZE && temporary.cloneFrom(source.file());
      if (!shared) {
        temporary.write(worker.buffer, 0, read);
      } else if (!worker.same(temporary, read)) {
        throw new SourceChangedException(source.path(), "changed while it was read");
      }
      publisher.publish(temporary, digest, size, there, worker, shared ? cloned : copied);
    }
    return digest;
  }

  /** Copies first, sharing blocks where possible, and hashes what was copied. */
  private Digest putLarge(ObjectSource source, ObjectWorker worker) throws IOException {
    worker.hasher.reset();
    try (TemporaryFile temporary = directory.made().create()) {
      if (temporary.cloneFrom(source.file())) {
        return publishAs(worker.hash(temporary, source), temporary, source, worker, cloned);
      }
      if (policy.links()) {
        Digest digest = directory.made().protect(source.file(), algorithm).orElse(null);
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
    try (TemporaryFile temporary = directory.made().create()) {
      long done = 0;
      int read;
      do {
        read = worker.fill(source, done, worker.buffer.length);
        worker.hasher.update(worker.buffer, 0, read);
        temporary.write(worker.buffer, 0, read);
        done += read;
      } while (read == worker.buffer.length && done <= source.size());
      ObjectWorker.checkSize(source, done);
      return publishAs(worker.hasher.digest(), temporary, source, worker, copied);
    }
  }

  /** Makes the source itself the object, once the kernel guarantees its digest. */
  private boolean link(ObjectSource source, Digest digest) throws IOException {
    Digest measured = directory.made().protect(source.file(), algorithm).orElse(null);
    if (!digest.equals(measured)
        || !directory.made().hardLink(source.file(), digest.objectPath())) {
      return false;
    }
    linked.increment();
    return true;
  }

  private Digest publishAs(
      Digest digest,
      TemporaryFile temporary,
      ObjectSource source,
      ObjectWorker worker,
      LongAdder counter)
      throws IOException {
    ObjectWorker.checkEnd(source);
    publisher.publishUnlessSound(digest, temporary, source.size(), worker, counter);
    return digest;
  }

  /** {@return a new object, empty yet, to be written and committed} */
  public NewObject create(ObjectWorker worker) throws IOException {
    worker.hasher.reset();
    return new NewObject(directory.made().create(), worker);
  }

  /**
   * Stores bytes.
   *
   * @return their digest
   */
  public Digest put(byte[] content, ObjectWorker worker) throws IOException {
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
  public boolean copyFrom(ObjectStore other, Digest digest, ObjectWorker worker)
      throws IOException {
    if (directory.fileSize(digest) >= 0
        && publisher.isSound(digest, object -> worker.digest(object).equals(digest))) {
      publisher.present.increment();
      return false;
    }
    try (ObjectReader reader = other.open(digest);
        NewObject object = create(worker)) {
      byte[] bytes = new byte[ObjectWorker.BUFFER];
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
    private final ObjectWorker worker;
    private long size;
    private boolean open = true;

    private NewObject(TemporaryFile temporary, ObjectWorker worker) {
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
      if (from.hasArray()) {
        int start = from.arrayOffset() + from.position();
        worker.hasher.update(from.array(), start, all);
        temporary.write(from.array(), start, all);
        from.position(from.limit());
        size += all;
      }
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
      publisher.publishUnlessSound(digest, temporary, size, worker, copied);
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
    StoreDirectory made = directory.existing();
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
    StoreDirectory made = directory.existing();
    try {
      if (made != null && !leadsOut(below)) {
        return ObjectReader.of(made.open(below));
      }
    } catch (NoSuchFileException e) {
      // said below
    }
    throw new MissingObjectException(FileName.printable(below), path.toString());
  }

  static boolean leadsOut(byte[] path) {
    String[] names = FileName.decode(path).split("/", -1);
    return Arrays.stream(names)
        .anyMatch(name -> name.isEmpty() || name.equals("..") || name.indexOf('\0') >= 0);
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    for (int i = 0; i < digests.size(); i++) {
      present.set(i, directory.fileSize(digests.get(i)) >= 0);
    }
    return present;
  }

  @Override
  public Optional<Path> directory() {
    return Optional.of(path);
  }

  /** {@return whether there is a regular file of this size under the digest's name} */
  public boolean contains(Digest digest, long size) throws IOException {
    return directory.fileSize(digest) == size;
  }

  /**
   * Has objects written to disk in the background as they come, for a {@link #sync} that is sure to
   * follow.
   */
  public void writeBack() {
    publisher.writeBack(writeback);
  }

  /**
   * Makes all objects put so far durable, in one go.
   *
   * @throws IOException if some could not be written
   */
  public void sync() throws IOException {
    directory.sync();
    checkWritten();
  }

  /**
   * Throws what went wrong when objects were written in the background, for who syncs the file
   * system by another way than {@link #sync}.
   */
  public void checkWritten() throws IOException {
    writeback.await();
    writeback.check();
  }

  @Override
  public void close() throws IOException {
    writeback.await();
    directory.close();
  }
}
