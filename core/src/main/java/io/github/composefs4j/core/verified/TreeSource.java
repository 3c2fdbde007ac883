package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.nio.channels.AsynchronousCloseException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The Merkle tree of one open object: from memory, from a side-car, or computed of the object.
 * Thread-safe; owns what it opens.
 */
final class TreeSource {
  /** The level under which the cache holds whole trees. */
  static final int TREE = -1;

  /** Objects up to this size are read in one piece and served from it when their tree is built. */
  static final int WHOLE = 1 << 20;

  /** In place of a position: nobody will read on from there. */
  static final long NOT_READ = -1;

  private static final int POLL_MILLIS = 50;

  /** A tree, and the content of a small object if all of it was read for that. */
  record Built(MerkleTree tree, byte @Nullable [] content) {}

  /** A tree that one thread makes and others wait for; null if it was given up. */
  static final class Build extends CompletableFuture<@Nullable MerkleTree> {}

  /** A stored tree that cannot be used: no error of the object. */
  private static final class SideCarException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Empty if there simply is no side-car. */
    final String reason;

    SideCarException(String reason) {
      super(reason);
      this.reason = reason;
    }
  }

  private final Verifier verifier;
  private final ObjectReader content;
  private final Digest digest;
  private final HashAlgorithm algorithm;
  private final String name;
  private volatile boolean closed;
  private volatile boolean noSideCar;
  private volatile @Nullable MerkleTree current;
  private volatile @Nullable FirstCopy firstCopy;
  private @Nullable ObjectReader sideCar;

  TreeSource(Verifier verifier, ObjectReader content, Digest digest, String name) {
    this.verifier = verifier;
    this.content = content;
    this.digest = digest;
    this.algorithm = digest.algorithm();
    this.name = name;
  }

  /** Makes threads that build or wait give up. */
  void cancel() {
    closed = true;
  }

  synchronized void close() throws IOException {
    noSideCar = true;
    FirstCopy copy = firstCopy;
    if (copy != null) {
      copy.close();
    }
    if (sideCar != null) {
      sideCar.close();
      sideCar = null;
    }
  }

  private void checkWanted(Thread reading) throws IOException {
    if (closed) {
      throw new AsynchronousCloseException();
    }
    if (reading.isInterrupted()) {
      throw new InterruptedIOException(name + ": interrupted");
    }
  }

  /** {@return the tree if it was asked for before} */
  @Nullable MerkleTree current() {
    return current;
  }

  /**
   * {@return the tree that the digest stands for}
   *
   * @param size that the content must have
   * @param position where the content will be read from, or {@link #NOT_READ}
   * @throws DigestMismatchException if the content is another
   */
  Built tree(long size, long position) throws IOException {
    Built built = find(size, position);
    current = built.tree();
    return built;
  }

  private boolean isUsable(MerkleTree tree) {
    return !(tree.isStored() && noSideCar);
  }

  private Built find(long size, long position) throws IOException {
    while (true) {
      checkWanted(Thread.currentThread());
      if (verifier.hashes.get(digest, TREE, 0) instanceof MerkleTree known && isUsable(known)) {
        if (known.size() != size) {
          throw DigestMismatchException.size(name, known.size(), size);
        }
        return new Built(known, null);
      }
      Build mine = new Build();
      Build other = verifier.builds.putIfAbsent(digest, mine);
      if (other == null) {
        return make(size, position, mine);
      }
      MerkleTree made = await(other);
      if (made != null && made.size() == size && isUsable(made)) {
        return new Built(made, null);
      }
    }
  }

  private Built make(long size, long position, Build mine) throws IOException {
    try {
      MerkleTree stored = size > WHOLE ? load(size) : null;
      Built built = stored != null ? new Built(stored, null) : compute(size, position);
      MerkleTree tree = built.tree();
      verifier.hashes.put(digest, TREE, 0, tree, tree.bytes());
      mine.complete(tree);
      return built;
    } catch (DigestMismatchException e) {
      mine.completeExceptionally(e);
      throw e;
    } finally {
      verifier.builds.remove(digest, mine);
      mine.complete(null);
    }
  }

  private @Nullable MerkleTree await(Build other) throws IOException {
    while (true) {
      checkWanted(Thread.currentThread());
      try {
        return other.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        // look whether anybody still waits
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof DigestMismatchException mismatch) {
          throw mismatch;
        }
        throw new IllegalStateException(e);
      }
    }
  }

  private Built compute(long size, long position) throws IOException {
    TreeCollector collector = new TreeCollector(verifier, digest, name, size);
    FirstCopy copy = null;
    boolean accepted = false;
    try {
      if (size > WHOLE && position != NOT_READ) {
        copy = FirstCopy.begin(verifier.options.firstReads(), size, position);
      }
      byte[] whole = size <= WHOLE ? new byte[(int) size] : null;
      Digest actual = hash(size, collector, whole, copy);
      verifier.treesBuilt.increment();
      if (!actual.equals(digest)) {
        throw DigestMismatchException.whole(name, digest.hex(), actual.hex());
      }
      MerkleTree tree = collector.accept();
      accepted = true;
      return new Built(tree, whole);
    } finally {
      collector.close();
      if (copy != null) {
        keep(copy, accepted);
      }
    }
  }

  /** Lets a copy be read, unless it is not what the digest promises, or nobody will read. */
  private synchronized void keep(FirstCopy copy, boolean accepted) {
    if (accepted && !closed) {
      firstCopy = copy;
      copy.accept();
    } else {
      copy.close();
    }
  }

  /** {@return whether a range was still there from the first read; if so, it was copied} */
  boolean readFirstCopy(long position, byte[] into, int offset, int length) {
    FirstCopy copy = firstCopy;
    boolean read = copy != null && copy.read(position, into, offset, length);
    if (copy != null && copy.isClosed()) {
      firstCopy = null;
    }
    return read;
  }

  /**
   * Reads all of an object of up to {@link #WHOLE} bytes to where it is wanted, and hashes it
   * there. Of an object of one block nothing is remembered: its tree is its hash.
   *
   * @return false if it is not right: {@link #tree} tells what is wrong
   */
  boolean readWhole(int size, byte[] into, int offset) throws IOException {
    checkWanted(Thread.currentThread());
    TreeCollector collector =
        size > MerkleTree.BLOCK ? new TreeCollector(verifier, digest, name, size) : null;
    BlockHasher hasher = verifier.borrow(algorithm);
    try {
      hasher.tree.reset(collector);
      readFully(0, into, offset, size, size);
      hasher.tree.update(into, offset, size);
      verifier.bytesHashed.add(size);
      if (!hasher.tree.digest().equals(digest)) {
        Arrays.fill(into, offset, offset + size, (byte) 0);
        return false;
      }
      if (collector != null) {
        remember(collector.accept());
      }
      return true;
    } finally {
      hasher.tree.reset(null);
      verifier.giveBack(algorithm, hasher);
      if (collector != null) {
        collector.close();
      }
    }
  }

  private void remember(MerkleTree tree) {
    verifier.treesBuilt.increment();
    verifier.hashes.put(digest, TREE, 0, tree, tree.bytes());
    current = tree;
  }

  /**
   * {@return the digest of all of the object, read now}
   *
   * @param sink receives the tree, or null
   * @param whole receives the content, or null; has its size
   * @param copy receives the content of a large object, or null
   */
  Digest hash(
      long size,
      VerityHasher.@Nullable TreeSink sink,
      byte @Nullable [] whole,
      @Nullable FirstCopy copy)
      throws IOException {
    Thread reading = Thread.currentThread();
    BlockHasher hasher = verifier.borrow(algorithm);
    try {
      hasher.tree.reset(sink);
      Digest actual;
      if (whole != null || size <= BlockHasher.SCRATCH) {
        byte[] content = whole != null ? whole : hasher.scratch;
        readFully(0, content, 0, (int) size, size);
        hasher.tree.update(content, 0, (int) size);
        actual = hasher.tree.digest();
      } else {
        VerityDigests.Source source =
            (position, into, offset, length) -> {
              checkWanted(reading);
              readFully(position, into, offset, length, size);
              if (copy != null) {
                copy.fill(position, into, offset, length);
              }
              return length;
            };
        actual =
            VerityDigests.digest(
                source,
                size,
                hasher.tree,
                verifier.options.helpers(),
                verifier.options.parallelism());
      }
      verifier.bytesHashed.add(size);
      return actual;
    } finally {
      hasher.tree.reset(null);
      verifier.giveBack(algorithm, hasher);
    }
  }

  /** Reads all of a range of an object that must have {@code size} bytes. */
  void readFully(long position, byte[] into, int offset, int length, long size) throws IOException {
    int read = content.read(position, into, offset, length);
    if (read < length) {
      throw DigestMismatchException.size(name, size, position + read);
    }
  }

  // -------- side-cars

  private @Nullable MerkleTree load(long size) throws IOException {
    if (noSideCar) {
      return null;
    }
    BlockHasher hasher = verifier.borrow(algorithm);
    try {
      byte[] top = readStored(0);
      hasher.hash(top, 0, MerkleTree.BLOCK);
      byte[] root = hasher.result.clone();
      if (!VerityHasher.digest(algorithm, size, root).equals(digest)) {
        throw new SideCarException("it is the tree of other content");
      }
      MerkleTree tree = MerkleTree.stored(size, root);
      verifier.hashes.put(digest, tree.levels() - 1, 0, top, MerkleTree.BLOCK);
      verifier.treesLoaded.increment();
      return tree;
    } catch (SideCarException e) {
      giveUpSideCar(e);
      return null;
    } finally {
      verifier.giveBack(algorithm, hasher);
    }
  }

  private void giveUpSideCar(SideCarException e) {
    noSideCar = true;
    if (!e.reason.isEmpty()) {
      VerificationFailure.logger()
          .log(Level.WARNING, name + ": its side-car is not used: " + e.reason);
    }
  }

  private byte[] readStored(long position) throws SideCarException {
    byte[] block = new byte[MerkleTree.BLOCK];
    try {
      ObjectReader reader = sideCar();
      if (reader == null) {
        throw new SideCarException("");
      }
      if (reader.read(position, block, 0, block.length) < block.length) {
        throw new SideCarException("it is too short");
      }
      return block;
    } catch (SideCarException e) {
      throw e;
    } catch (IOException e) {
      throw new SideCarException(String.valueOf(e.getMessage()));
    }
  }

  private synchronized @Nullable ObjectReader sideCar() throws IOException {
    MerkleTrees keeper = verifier.options.sideCars();
    if (sideCar == null && !noSideCar && keeper != null) {
      sideCar = keeper.open(digest);
    }
    return sideCar;
  }

  /** {@return a computed tree in place of one whose side-car failed} */
  private MerkleTree withoutSideCar(MerkleTree tree, SideCarException e) throws IOException {
    giveUpSideCar(e);
    MerkleTree known = current;
    return known != null && isUsable(known) ? known : tree(tree.size(), NOT_READ).tree();
  }

  // -------- blocks of hashes

  /** {@return the block of level 0 at this index if it is in memory} */
  byte @Nullable [] knownLeaves(long index) {
    return (byte[]) verifier.hashes.get(digest, 0, index);
  }

  /** {@return the block of level 0 at this index, checked} */
  byte[] leaves(MerkleTree tree, long index, BlockHasher hasher) throws IOException {
    try {
      return block(tree, 0, index, hasher);
    } catch (SideCarException e) {
      return leaves(withoutSideCar(tree, e), index, hasher);
    }
  }

  /**
   * Takes a block of level 0 that was computed of all its data.
   *
   * @return null, or the hash that the block should have if it is not the one in the tree; the one
   *     it has is the hasher's result
   */
  byte @Nullable [] refuseLeaves(MerkleTree tree, long index, byte[] leaves, BlockHasher hasher)
      throws IOException {
    byte[] expected;
    try {
      expected = expected(tree, 0, index, hasher);
    } catch (SideCarException e) {
      return refuseLeaves(withoutSideCar(tree, e), index, leaves, hasher);
    }
    hasher.hash(leaves, 0, MerkleTree.BLOCK);
    if (!hasher.matches(expected, 0)) {
      return expected;
    }
    verifier.hashes.put(digest, 0, index, leaves, MerkleTree.BLOCK);
    return null;
  }

  /** {@return the block of level 0 from a side-car, checked, or null if there is none} */
  byte @Nullable [] storedLeaves(MerkleTree tree, long index, BlockHasher hasher)
      throws IOException {
    if (!tree.isStored()) {
      return null;
    }
    try {
      return block(tree, 0, index, hasher);
    } catch (SideCarException e) {
      giveUpSideCar(e);
      return null;
    }
  }

  private byte[] block(MerkleTree tree, int level, long index, BlockHasher hasher)
      throws IOException {
    byte[] kept = tree.kept(level, index);
    if (kept != null) {
      return kept;
    }
    if (verifier.hashes.get(digest, level, index) instanceof byte[] known) {
      return known;
    }
    byte[] expected = expected(tree, level, index, hasher);
    byte[] block =
        tree.isStored()
            ? readStored(tree.storedPosition(level, index))
            : hashesOfData(tree, index, hasher);
    hasher.hash(block, 0, MerkleTree.BLOCK);
    if (!hasher.matches(expected, 0)) {
      if (tree.isStored()) {
        throw new SideCarException("block " + index + " of level " + level + " is damaged");
      }
      throw wrongBlocks(tree, index, expected, hasher.result);
    }
    verifier.hashes.put(digest, level, index, block, MerkleTree.BLOCK);
    return block;
  }

  DigestMismatchException wrongBlocks(
      MerkleTree tree, long leaves, byte[] expected, byte[] actual) {
    long first = leaves * tree.perBlock();
    return DigestMismatchException.blocks(
        name,
        first,
        Math.min(tree.perBlock(), tree.dataBlocks() - first),
        HexFormat.of().formatHex(expected),
        HexFormat.of().formatHex(actual));
  }

  /** {@return the hash that a block of hashes must have, in an array of its own} */
  private byte[] expected(MerkleTree tree, int level, long index, BlockHasher hasher)
      throws IOException {
    if (level == tree.levels() - 1) {
      return tree.root();
    }
    byte[] above = block(tree, level + 1, index / tree.perBlock(), hasher);
    int at = (int) (index % tree.perBlock()) * tree.hashSize();
    return Arrays.copyOfRange(above, at, at + tree.hashSize());
  }

  /** {@return a block of level 0, computed anew} */
  private byte[] hashesOfData(MerkleTree tree, long index, BlockHasher hasher) throws IOException {
    byte[] leaves = new byte[MerkleTree.BLOCK];
    long start = index * tree.perBlock() * MerkleTree.BLOCK;
    long end = Math.min(tree.size(), start + (long) tree.perBlock() * MerkleTree.BLOCK);
    int filled = 0;
    for (long at = start; at < end; at += BlockHasher.SCRATCH) {
      int length = (int) Math.min(BlockHasher.SCRATCH, end - at);
      readFully(at, hasher.scratch, 0, length, tree.size());
      filled = hasher.hashAll(hasher.scratch, 0, length, leaves, filled);
    }
    verifier.bytesHashed.add(end - start);
    return leaves;
  }
}
