package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Merkle trees of objects, kept beside them. Thread-safe. Nothing is trusted because it comes from
 * here: each block is checked against the object's digest.
 *
 * <p>A tree is stored as the kernel lays it out and {@code fsverity digest --out-merkle-tree}
 * writes it: 4096-byte blocks of hashes, the level below the root first, the leaves last.
 */
public interface MerkleTrees {
  /** A tree that is being written. For one thread. Closing it discards what was not committed. */
  interface Draft extends Closeable {
    /** Writes a block of hashes, which is not kept; blocks come in any order. */
    void write(long position, byte[] block) throws IOException;

    /** Makes the tree visible: all blocks were written, and the digest is right. */
    void commit() throws IOException;
  }

  /** {@return the tree of an object, open for reading, or null if there is none} */
  @Nullable ObjectReader open(Digest digest) throws IOException;

  /** {@return where to write the tree of an object, or null if it is not to be kept} */
  @Nullable Draft begin(Digest digest) throws IOException;

  /**
   * {@return the trees in a directory: files under {@link Digest#objectPath()}}
   *
   * @param keeps whether trees that were computed are written there
   */
  static MerkleTrees in(Path directory, boolean keeps) {
    return new MerkleDirectory(directory, keeps);
  }
}
