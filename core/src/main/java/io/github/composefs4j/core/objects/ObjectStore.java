package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * Content by digest, from wherever it may come: a directory, a union of stores, the network.
 * Thread-safe. Stores do not verify what they hand out; a verified reader above them does.
 */
public interface ObjectStore extends Closeable {
  /** {@return the algorithm of the objects' names} */
  HashAlgorithm algorithm();

  /**
   * {@return an object, open for reading, its bytes not verified}
   *
   * @throws MissingObjectException if the store answers and has no such object
   * @throws StoreUnavailableException if the store cannot be asked
   */
  ObjectReader open(Digest digest) throws IOException;

  /**
   * {@return which of the objects are there, by their place in the list} One round trip to a remote
   * store. What is there may still be damaged.
   *
   * @throws StoreUnavailableException if the store cannot be asked
   */
  BitSet present(List<Digest> digests) throws IOException;

  /**
   * {@return an object under a path of its own, which only object directories have: dumps may name
   * content by any path} Its bytes are not verified.
   *
   * @param path relative to the directory of objects, as an image has it: not to be trusted
   * @throws MissingObjectException if there is none, or the path leads out of the directory
   * @throws StoreUnavailableException if the store cannot be asked
   */
  default ObjectReader openPath(byte[] path) throws IOException {
    throw new MissingObjectException(FileName.printable(path), "a store without paths");
  }

  /**
   * {@return the directory that holds the objects as files, if there is one: something that the
   * kernel may mount or clone from}
   */
  default Optional<Path> directory() {
    return Optional.empty();
  }
}
