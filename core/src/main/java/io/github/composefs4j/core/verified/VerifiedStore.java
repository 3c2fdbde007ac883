package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/** A store whose objects are checked as they are read. Thread-safe; owns the store below it. */
public final class VerifiedStore implements ObjectStore {
  private final ObjectStore objects;
  private final Verifier verifier;

  /** The objects of a store, with the default options. */
  public VerifiedStore(ObjectStore objects) {
    this(objects, new Verifier(VerifyOptions.defaults()));
  }

  /** The objects of a store, checked by a verifier that others may use too. */
  public VerifiedStore(ObjectStore objects, Verifier verifier) {
    this.objects = objects;
    this.verifier = verifier;
  }

  /** {@return what checks the objects} */
  public Verifier verifier() {
    return verifier;
  }

  @Override
  public HashAlgorithm algorithm() {
    return objects.algorithm();
  }

  /**
   * {@return an object, checked as it is read}
   *
   * @throws MissingObjectException if the store answers and has no such object
   * @throws StoreUnavailableException if the store cannot be asked
   */
  @Override
  public VerifiedReader open(Digest digest) throws IOException {
    return verifier.open(objects.open(digest), digest, name(digest));
  }

  /**
   * {@return an object of a size that is known, from an image for example}
   *
   * @throws DigestMismatchException if the store's object has another size
   * @throws MissingObjectException if the store answers and has no such object
   * @throws StoreUnavailableException if the store cannot be asked
   */
  public VerifiedReader open(Digest digest, long size) throws IOException {
    ObjectReader content = objects.open(digest);
    return verifier.open(content, digest, size, name(digest));
  }

  /** {@inheritDoc} It has no digest, and what it reads is not checked. */
  @Override
  public ObjectReader openPath(byte[] path) throws IOException {
    return objects.openPath(path);
  }

  private static String name(Digest digest) {
    return "object " + digest.hex();
  }

  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    return objects.present(digests);
  }

  @Override
  public Optional<Path> directory() {
    return objects.directory();
  }

  @Override
  public void close() throws IOException {
    objects.close();
  }
}
