package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.Pieces;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An open object whose bytes are checked. Thread-safe. Closing it while others read lets them
 * finish, except that building a tree is given up.
 *
 * <p>A read that meets a wrong block fails, and leaves zeros in place of what is wrong; a read of
 * other blocks succeeds.
 */
public final class VerifiedReader implements ObjectReader {
  static final long UNKNOWN = -1;
  private static final int BLOCK = MerkleTree.BLOCK;

  /** Bytes that are worth a second thread. */
  private static final int SHARE = 1 << 18;

  /** What a thread takes at a time: it fits its cache, and no thread waits long for another. */
  private static final int PIECE = 1 << 17;

  /** Who reads so much, or whose kernel reads ahead so far, does not read at random. */
  private static final int AHEAD = 1 << 14;

  private static final int COPY_BUFFER = 1 << 20;

  private final Verifier verifier;
  private final ObjectReader content;
  private final Digest digest;
  private final String name;
  private final long promisedSize;
  private final TreeSource trees;
  private final PrivateCopies copies;

  /** Who uses {@link #content}: the owner, and the reads that are going on. */
  private final AtomicInteger users = new AtomicInteger(1);

  private volatile boolean closed;
  private volatile @Nullable Boolean held;

  VerifiedReader(Verifier verifier, ObjectReader content, Digest digest, long size, String name) {
    this.verifier = verifier;
    this.content = content;
    this.digest = digest;
    this.promisedSize = size;
    this.name = name;
    this.trees = new TreeSource(verifier, content, digest, name);
    this.copies = new PrivateCopies(verifier, this);
  }

  /** {@return what the bytes are held to} */
  public Digest digest() {
    return digest;
  }

  /** {@return whether the kernel's own check is relied on: it holds the open file to the digest} */
  public boolean isKernelVerified() throws IOException {
    Boolean known = held;
    if (known == null) {
      known = verifier.options.kernel() && content.kernelDigest().equals(Optional.of(digest));
      held = known;
    }
    return known;
  }

  @Override
  public Optional<Digest> kernelDigest() throws IOException {
    return isKernelVerified() ? Optional.of(digest) : Optional.empty();
  }

  /**
   * {@return the size in bytes} Unless it was known when this was opened, it is that of content
   * which was checked, and the first call takes as long as a first read.
   */
  @Override
  public long size() throws IOException {
    if (promisedSize != UNKNOWN) {
      return promisedSize;
    }
    enter();
    try {
      if (isKernelVerified()) {
        return content.size();
      }
      MerkleTree known = trees.current();
      return (known != null ? known : build(TreeSource.NOT_READ).tree()).size();
    } catch (DigestMismatchException e) {
      throw verifier.failed(e);
    } finally {
      leave();
    }
  }

  /**
   * {@return the tree, and all of the content if it was read and checked on the way}
   *
   * @param position see {@link TreeSource#tree}
   */
  private TreeSource.Built build(long position) throws IOException {
    return trees.tree(promisedSize != UNKNOWN ? promisedSize : content.size(), position);
  }

  /**
   * {@inheritDoc}
   *
   * @throws DigestMismatchException if one of the blocks that the range touches is not what the
   *     digest promises, or the object has another size
   */
  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, into.length);
    if (position < 0) {
      throw new IllegalArgumentException("position " + position);
    }
    enter();
    try {
      if (isKernelVerified()) {
        return content.read(position, into, offset, length);
      }
      if (isReadWhole(position, length) && trees.readWhole((int) promisedSize, into, offset)) {
        return (int) promisedSize;
      }
      MerkleTree checked = trees.current();
      byte[] whole = null;
      if (checked == null) {
        TreeSource.Built built = build(length >= AHEAD ? position : TreeSource.NOT_READ);
        checked = built.tree();
        whole = built.content();
      }
      if (position >= checked.size()) {
        return 0;
      }
      int count = (int) Math.min(length, checked.size() - position);
      if (whole != null) {
        System.arraycopy(whole, (int) position, into, offset, count);
        copies.keep(checked, 0, whole, 0, whole.length);
      } else if (trees.readFirstCopy(position, into, offset, count)) {
        return count;
      } else if (copies.isOn()) {
        copies.read(checked, position, into, offset, count);
      } else {
        readChecked(checked, position, into, offset, count);
      }
      return count;
    } catch (DigestMismatchException e) {
      throw verifier.failed(e);
    } finally {
      leave();
    }
  }

  /** {@return whether all of a small object is wanted, of which nothing is known yet} */
  private boolean isReadWhole(long position, int length) {
    return position == 0
        && promisedSize != UNKNOWN
        && promisedSize <= Math.min(length, TreeSource.WHOLE)
        && trees.current() == null
        && !copies.isOn();
  }

  void readChecked(MerkleTree checked, long position, byte[] into, int offset, int length)
      throws IOException {
    if (length < SHARE || verifier.options.parallelism() <= 1) {
      readSpans(checked, position, into, offset, length);
      return;
    }
    boolean ready = loadLeaves(checked, position, length);
    long span = ready ? PIECE : (long) checked.perBlock() * BLOCK;
    long first = position / span;
    int pieces = (int) ((position + length - 1) / span - first) + 1;
    Pieces.run(
        pieces,
        verifier.options.helpers(),
        verifier.options.parallelism(),
        () ->
            piece -> {
              long start = Math.max(position, (first + piece) * span);
              long end = Math.min(position + length, (first + piece + 1) * span);
              int at = offset + (int) (start - position);
              readSpans(checked, start, into, at, (int) (end - start));
            });
  }

  /** Reads a range, one block of leaves after the other. */
  private void readSpans(MerkleTree checked, long position, byte[] into, int offset, int length)
      throws IOException {
    long span = (long) checked.perBlock() * BLOCK;
    BlockHasher hasher = verifier.borrow(digest.algorithm());
    try {
      long end = position + length;
      for (long at = position, next; at < end; at = next) {
        next = Math.min(end, at - at % span + span);
        readSpan(checked, at, into, offset + (int) (at - position), (int) (next - at), hasher);
      }
    } finally {
      verifier.giveBack(digest.algorithm(), hasher);
    }
  }

  /** {@return whether the leaves of a range are in memory now, and need not be made of its data} */
  private boolean loadLeaves(MerkleTree checked, long position, int length) throws IOException {
    long span = (long) checked.perBlock() * BLOCK;
    BlockHasher hasher = verifier.borrow(digest.algorithm());
    try {
      for (long index = position / span; index <= (position + length - 1) / span; index++) {
        if (trees.knownLeaves(index) == null) {
          if (!checked.isStored()) {
            return false;
          }
          trees.leaves(checked, index, hasher);
        }
      }
      return true;
    } finally {
      verifier.giveBack(digest.algorithm(), hasher);
    }
  }

  /** Reads a range below one block of leaves. */
  private void readSpan(
      MerkleTree checked, long position, byte[] into, int offset, int length, BlockHasher hasher)
      throws IOException {
    long index = position / BLOCK / checked.perBlock();
    long spanStart = index * checked.perBlock() * BLOCK;
    long spanEnd = Math.min(checked.size(), spanStart + (long) checked.perBlock() * BLOCK);
    boolean all = position == spanStart && position + length == spanEnd;
    byte[] leaves = trees.knownLeaves(index);
    if (leaves == null && all && checked.levels() > 0) {
      readAllBelow(checked, index, position, into, offset, length, hasher);
      return;
    }
    if (leaves == null) {
      leaves = checked.levels() == 0 ? checked.root() : trees.leaves(checked, index, hasher);
    }
    long end = position + length;
    long at = position;
    while (at < end) {
      int to = offset + (int) (at - position);
      long aligned = at - at % BLOCK;
      // Whole blocks, the last one of the object included, are hashed where the caller wants them.
      long wholeEnd = end == checked.size() ? end : end - end % BLOCK;
      if (at == aligned && wholeEnd > at) {
        int count = (int) (wholeEnd - at);
        readBlocks(checked, leaves, at, into, to, count, hasher);
        at = wholeEnd;
      } else {
        int count = (int) Math.min(BLOCK, checked.size() - aligned);
        readBlocks(checked, leaves, aligned, hasher.scratch, 0, count, hasher);
        int from = (int) (at - aligned);
        int part = (int) Math.min(count - from, end - at);
        System.arraycopy(hasher.scratch, from, into, to, part);
        at += part;
      }
    }
  }

  private void readBlocks(
      MerkleTree checked,
      byte[] leaves,
      long position,
      byte[] into,
      int offset,
      int length,
      BlockHasher hasher)
      throws IOException {
    trees.readFully(position, into, offset, length, checked.size());
    verifier.bytesHashed.add(length);
    int slot = (int) (position / BLOCK % checked.perBlock()) * checked.hashSize();
    for (int at = 0; at < length; at += BLOCK, slot += checked.hashSize()) {
      int count = Math.min(BLOCK, length - at);
      hasher.hash(into, offset + at, count);
      if (!hasher.matches(leaves, slot)) {
        Arrays.fill(into, offset, offset + length, (byte) 0);
        throw DigestMismatchException.block(
            name,
            (position + at) / BLOCK,
            HexFormat.of().formatHex(leaves, slot, slot + checked.hashSize()),
            HexFormat.of().formatHex(hasher.result));
      }
    }
  }

  /** All data below a block of leaves that is not in memory: it is made and checked on the way. */
  private void readAllBelow(
      MerkleTree checked,
      long index,
      long position,
      byte[] into,
      int offset,
      int length,
      BlockHasher hasher)
      throws IOException {
    trees.readFully(position, into, offset, length, checked.size());
    verifier.bytesHashed.add(length);
    byte[] leaves = new byte[BLOCK];
    hasher.hashAll(into, offset, length, leaves, 0);
    byte[] expected = trees.refuseLeaves(checked, index, leaves, hasher);
    if (expected != null) {
      byte[] actual = hasher.result.clone();
      Arrays.fill(into, offset, offset + length, (byte) 0);
      byte[] stored = trees.storedLeaves(checked, index, hasher);
      if (stored == null) {
        throw trees.wrongBlocks(checked, index, expected, actual);
      }
      // A side-car still tells which block it is.
      readBlocks(checked, stored, position, into, offset, length, hasher);
    }
  }

  /**
   * Reads and hashes all of the object, whatever is remembered of it.
   *
   * @throws DigestMismatchException if it is not what the digest promises
   */
  public void check() throws IOException {
    enter();
    try {
      long size = promisedSize != UNKNOWN ? promisedSize : content.size();
      requireDigest(trees.hash(size, null, null, null));
    } catch (DigestMismatchException e) {
      throw verifier.failed(e);
    } finally {
      leave();
    }
  }

  private void requireDigest(Digest actual) throws DigestMismatchException {
    if (!actual.equals(digest)) {
      throw DigestMismatchException.whole(name, digest.hex(), actual.hex());
    }
  }

  /**
   * {@return all of the object, hashed once}
   *
   * @param most how many bytes it may have
   * @throws DigestMismatchException if it is not what the digest promises
   * @throws IOException also if it is larger than {@code most}
   */
  public byte[] readAll(int most) throws IOException {
    enter();
    try {
      long size = promisedSize != UNKNOWN ? promisedSize : content.size();
      if (size > most) {
        throw new IOException(name + ": has " + size + " bytes, more than " + most);
      }
      byte[] all = new byte[(int) size];
      requireDigest(trees.hash(size, null, all, null));
      return all;
    } catch (DigestMismatchException e) {
      throw verifier.failed(e);
    } finally {
      leave();
    }
  }

  /** Receives content in order. */
  @FunctionalInterface
  public interface Sink {
    /** Takes the first {@code count} bytes of {@code from}, an array that is used again. */
    void accept(long position, byte[] from, int count) throws IOException;
  }

  /**
   * Copies all of the object, hashed once. If this fails, what was written is worthless: it may be
   * anything.
   *
   * @return the size
   * @throws DigestMismatchException if it is not what the digest promises
   */
  public long copyTo(Sink out) throws IOException {
    enter();
    try {
      long size = promisedSize != UNKNOWN ? promisedSize : content.size();
      VerityHasher hasher = new VerityHasher(digest.algorithm());
      byte[] buffer = new byte[(int) Math.min(COPY_BUFFER, size)];
      for (long at = 0; at < size; at += buffer.length) {
        int count = (int) Math.min(buffer.length, size - at);
        trees.readFully(at, buffer, 0, count, size);
        hasher.update(buffer, 0, count);
        out.accept(at, buffer, count);
      }
      verifier.bytesHashed.add(size);
      requireDigest(hasher.digest());
      return size;
    } catch (DigestMismatchException e) {
      throw verifier.failed(e);
    } finally {
      leave();
    }
  }

  /** Copies all of the object into a channel; see {@link #copyTo(Sink)}. */
  public long copyTo(WritableByteChannel out) throws IOException {
    return copyTo((_, from, count) -> {
      for (ByteBuffer part = ByteBuffer.wrap(from, 0, count); part.hasRemaining(); ) {
        out.write(part);
      }
    });
  }

  private void enter() throws ClosedChannelException {
    int now;
    do {
      now = users.get();
      if (now == 0 || closed) {
        throw new ClosedChannelException();
      }
    } while (!users.compareAndSet(now, now + 1));
  }

  private void leave() throws IOException {
    if (users.decrementAndGet() == 0) {
      try {
        trees.close();
      } finally {
        content.close();
      }
    }
  }

  @Override
  public void close() throws IOException {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    trees.cancel();
    leave();
  }
}
