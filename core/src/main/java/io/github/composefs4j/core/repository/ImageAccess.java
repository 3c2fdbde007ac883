package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Images in a repository: by name, verified, and what they reach. The caller holds the lock. */
final class ImageAccess {
  private static final int BUFFER = 1 << 18;

  private ImageAccess() {}

  static Digest resolve(Links images, String name) throws IOException {
    String prefix = Links.REFS + "/";
    String entry;
    if (name.startsWith(prefix)) {
      entry = images.entryOf(name.substring(prefix.length()));
    } else if (images.isDigest(name) && images.text(images.entryPath(name)) != null) {
      entry = name;
    } else {
      entry = name.indexOf('/') < 0 ? images.entryOf(name) : null;
    }
    Digest object = entry == null ? null : images.object(entry);
    if (entry == null || object == null) {
      throw Repository.notFound(Category.IMAGES, name);
    }
    if (!images.isDigest(entry) || !object.hex().equals(entry)) {
      throw new RepositoryException(
          RepositoryException.Reason.BROKEN_LINK,
          images.entryPath(entry) + ": leads to another image, " + object.hex());
    }
    return object;
  }

  static ErofsImage open(Repository repository, Digest digest) throws IOException {
    ObjectReader reader = repository.objects().open(digest);
    String name = "image " + digest.hex();
    return ErofsImage.open(
        ImageBytes.verified(repository.verifier(), reader, digest, name), ImageProfile.COMPOSEFS);
  }

  /**
   * Checks an object against its name, by the kernel's word if there is one.
   *
   * @throws DigestMismatchException if it is another
   */
  static void verify(Repository repository, HostFile file, Digest digest) throws IOException {
    Digest measured = file.verityDigest().orElse(null);
    if (measured == null && repository.isSecure()) {
      throw new RepositoryException(
          RepositoryException.Reason.NOT_SECURE,
          "object " + digest.hex() + " has no fs-verity in a secure repository");
    }
    if (measured == null || measured.algorithm() != digest.algorithm()) {
      measured = hash(file, digest.algorithm());
    }
    if (!measured.equals(digest)) {
      throw DigestMismatchException.whole("object " + digest.hex(), digest.hex(), measured.hex());
    }
  }

  static Digest hash(HostFile file, HashAlgorithm algorithm) throws IOException {
    return hash(file, file.stat().size(), new VerityHasher(algorithm), new byte[BUFFER]);
  }

  /**
   * {@return the digest of the content that a file of this size has}
   *
   * @param buffer whole blocks
   */
  static Digest hash(HostFile file, long size, VerityHasher hasher, byte[] buffer)
      throws IOException {
    hasher.reset();
    long position = 0;
    int filled = 0;
    int read;
    // Whole buffers, so that the hasher copies nothing.
    while (position < size
        && (read = file.read(position, buffer, filled, buffer.length - filled)) > 0) {
      position += read;
      filled += read;
      if (filled == buffer.length) {
        hasher.update(buffer, 0, filled);
        filled = 0;
      }
    }
    hasher.update(buffer, 0, filled);
    return hasher.digest();
  }

  /** Hears of the objects of an image's files. */
  interface ObjectSink {
    void accept(Digest digest) throws IOException;
  }

  /** Walks an image and passes the object of each external file, repeated if files share one. */
  static void walk(ErofsImage image, HashAlgorithm algorithm, ObjectSink sink) throws IOException {
    ImageWalk walk = new ImageWalk(image);
    while (walk.next()) {
      if (!walk.isRepeated() && walk.inode().isRegular()) {
        byte[] path = walk.inode().attributes().path();
        if (path != null) {
          Digest digest = parse(path, algorithm);
          if (digest == null) {
            throw new CorruptImageException(
                image.name(), 0, "'" + FileName.printable(path) + "' is no path of an object");
          }
          sink.accept(digest);
        }
      }
    }
  }

  /** {@return the digest of an object path as images have it, or null if it is none} */
  static @Nullable Digest parse(byte[] path, HashAlgorithm algorithm) {
    int start = path.length > 0 && path[0] == '/' ? 1 : 0;
    int length = path.length - start;
    if (length != 2 * algorithm.size() + 1 || path[start + 2] != '/') {
      return null;
    }
    byte[] bytes = new byte[algorithm.size()];
    int at = start;
    for (int i = 0; i < bytes.length; i++) {
      if (i == 1) {
        at++;
      }
      int high = digit(path[at++]);
      int low = digit(path[at++]);
      if (high < 0 || low < 0) {
        return null;
      }
      bytes[i] = (byte) (high << 4 | low);
    }
    return Digest.of(bytes);
  }

  /** {@return the value of a hexadecimal digit, or a negative number} */
  private static int digit(byte c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  static List<Digest> objects(ErofsImage image, HashAlgorithm algorithm) throws IOException {
    TreeSet<Digest> all = new TreeSet<>();
    walk(image, algorithm, all::add);
    return List.copyOf(all);
  }
}
