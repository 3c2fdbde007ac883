package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Takes the tree as it passes through the hasher, the leaves as far as there is room. */
final class TreeCollector implements VerityHasher.TreeSink, AutoCloseable {
  private final Verifier verifier;
  private final Digest digest;
  private final String name;
  private final MerkleTree.Builder builder;
  private final MerkleTree positions;
  private final List<byte[]> leaves = new ArrayList<>();
  private MerkleTrees.@Nullable Draft draft;

  TreeCollector(Verifier verifier, Digest digest, String name, long size) {
    this.verifier = verifier;
    this.digest = digest;
    this.name = name;
    builder = new MerkleTree.Builder(digest.algorithm(), size);
    positions = MerkleTree.stored(size, new byte[digest.algorithm().size()]);
    MerkleTrees keeper = verifier.options.sideCars();
    if (size > TreeSource.WHOLE && keeper != null) {
      try {
        draft = keeper.begin(digest);
      } catch (IOException e) {
        forgo(e);
      }
    }
  }

  /** A tree that cannot be stored is no reason not to read the object. */
  private void forgo(IOException e) {
    VerificationFailure.logger()
        .log(Level.WARNING, name + ": its Merkle tree is not kept: " + e.getMessage());
    closeDraft();
  }

  private void closeDraft() {
    MerkleTrees.Draft open = draft;
    draft = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        VerificationFailure.logger().log(Level.DEBUG, name + ": " + e.getMessage());
      }
    }
  }

  @Override
  public void block(int level, long index, byte[] hashes) {
    builder.block(level, index, hashes);
    if (level == 0 && leaves.size() == index && verifier.reserve(MerkleTree.BLOCK)) {
      // Of a small object, what is not padding.
      long hashed = (positions.dataBlocks() - index * positions.perBlock()) * positions.hashSize();
      leaves.add(Arrays.copyOf(hashes, (int) Math.min(hashes.length, hashed)));
    }
    if (draft != null) {
      try {
        draft.write(positions.storedPosition(level, index), hashes);
      } catch (IOException e) {
        forgo(e);
      }
    }
  }

  @Override
  public void root(byte[] hash) {
    builder.root(hash);
  }

  /** The digest was right: what was collected may be used. */
  MerkleTree accept() {
    for (int i = 0; i < leaves.size(); i++) {
      verifier.hashes.put(digest, 0, i, leaves.get(i), leaves.get(i).length);
    }
    if (draft != null) {
      try {
        draft.commit();
      } catch (IOException e) {
        forgo(e);
      }
    }
    return builder.build();
  }

  /** What was not accepted is forgotten. */
  @Override
  public void close() {
    verifier.release((long) leaves.size() * MerkleTree.BLOCK);
    closeDraft();
  }
}
