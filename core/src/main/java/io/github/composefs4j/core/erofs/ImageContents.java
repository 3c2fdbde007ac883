package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The contents of an image's regular files, wherever they lie: in the image, or in object stores,
 * which are asked in their order. Thread-safe; owns nothing.
 */
public final class ImageContents {
  private final List<ObjectStore> stores;
  private final @Nullable Verifier verifier;
  private final Verification verification;

  /**
   * Contents from these stores.
   *
   * @param verifier holds objects to the digests that the image has of them, at each read; null if
   *     they are to be handed out unchecked
   */
  public ImageContents(List<? extends ObjectStore> stores, @Nullable Verifier verifier) {
    this(stores, verifier, Verification.ALWAYS);
  }

  /**
   * Contents from these stores.
   *
   * @param verifier as above
   * @param verification how objects are held, if there is a verifier
   */
  public ImageContents(
      List<? extends ObjectStore> stores, @Nullable Verifier verifier, Verification verification) {
    this.stores = List.copyOf(stores);
    this.verifier = verification == Verification.OFF ? null : verifier;
    this.verification = verification;
  }

  /** {@return what checks the objects, or null if nothing does} */
  public @Nullable Verifier verifier() {
    return verifier;
  }

  /**
   * {@return the content of a regular file; with a verifier, checked, and of exactly the size that
   * the image says}
   *
   * @throws MissingObjectException if no store has it
   * @throws StoreUnavailableException if no store has it, and one could not be asked
   * @throws DigestMismatchException if the object has another size than the file
   * @throws ComposefsException if contents are checked, and the image has no digest of this one
   */
  public ObjectReader open(ImageInode file) throws IOException {
    if (!file.isRegular()) {
      throw new IllegalArgumentException("inode " + file.nid() + " is no regular file");
    }
    if (!file.isExternal() || file.size() == 0) {
      return new InImage(file);
    }
    ImageAttributes attributes = file.attributes();
    Digest digest = attributes.digest();
    byte[] path = attributes.path();
    if (digest == null && verifier != null) {
      throw new ComposefsException(
          file.imageName() + ": inode " + file.nid() + ": the image has no digest of its content");
    }
    if (digest != null && (path == null || digest.equals(ObjectPath.digest(path)))) {
      ObjectReader content = first(store -> store.open(digest), digest.hex());
      return checked(content, digest, file.size());
    }
    if (path == null) {
      throw new ComposefsException(
          file.imageName() + ": inode " + file.nid() + ": the image names no object for it");
    }
    byte[] relative = withoutSlashes(path);
    ObjectReader content = first(store -> store.openPath(relative), FileName.printable(path));
    return digest == null ? content : checked(content, digest, file.size());
  }

  private ObjectReader checked(ObjectReader content, Digest digest, long size) throws IOException {
    return verifier == null
        ? content
        : verification.hold(verifier, content, digest, size, "object " + digest.hex());
  }

  /** An overlay takes any number of slashes for one. */
  private static byte[] withoutSlashes(byte[] path) {
    int start = 0;
    while (start < path.length && path[start] == '/') {
      start++;
    }
    return Arrays.copyOfRange(path, start, path.length);
  }

  private interface Opener {
    ObjectReader open(ObjectStore store) throws IOException;
  }

  private ObjectReader first(Opener opener, String name) throws IOException {
    StoreUnavailableException unavailable = null;
    MissingObjectException missing = null;
    for (ObjectStore store : stores) {
      try {
        return opener.open(store);
      } catch (MissingObjectException e) {
        missing = e;
      } catch (StoreUnavailableException e) {
        unavailable = e;
      }
    }
    if (unavailable != null) {
      throw unavailable;
    }
    throw missing != null && stores.size() == 1
        ? missing
        : new MissingObjectException(name, stores.size() + " object stores");
  }

  /** Content that is part of the image, and as good as the image is. */
  private record InImage(ImageInode file) implements ObjectReader {
    @Override
    public long size() {
      return file.size();
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      int done = 0;
      int read;
      while (done < length
          && (read = file.read(position + done, into, offset + done, length - done)) > 0) {
        done += read;
      }
      return done;
    }

    @Override
    public void close() {}
  }
}
