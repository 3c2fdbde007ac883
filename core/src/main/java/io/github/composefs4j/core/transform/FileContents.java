package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.file.Path;

/** Gives the content of small files of a tree that lies outside of it, in objects. */
@FunctionalInterface
public interface FileContents {
  /** Largest file that is read as a whole. */
  int SIZE_MAX = 64 << 20;

  /**
   * {@return the whole content of a file, verified against its digest}
   *
   * @param path of the file in the tree, {@code /etc/…}, text by the rule of {@link
   *     FileName#encode}
   * @param file not inline, at most {@link #SIZE_MAX} bytes
   */
  byte[] read(String path, RegularFile file) throws IOException;

  /** {@return the contents in a store} */
  static FileContents of(ObjectStore store) {
    return (path, file) -> {
      Digest digest = digest(path, file);
      try (ObjectReader object = store.open(digest)) {
        return readAll(path, file, digest, object::read);
      }
    };
  }

  /**
   * {@return the contents in the directory that the tree was scanned from} For trees whose objects
   * are stored nowhere. Symlinks are not followed.
   */
  static FileContents of(Platform platform, Path root) {
    return (path, file) -> {
      Digest digest = digest(path, file);
      String[] names = path.substring(1).split("/", -1);
      HostDirectory directory = platform.openDirectory(root, true);
      try {
        for (int i = 0; i < names.length - 1; i++) {
          HostDirectory below = directory.openDirectory(FileName.encode(names[i]));
          directory.close();
          directory = below;
        }
        try (HostFile host = directory.openFile(FileName.encode(names[names.length - 1]))) {
          return readAll(path, file, digest, host::read);
        }
      } finally {
        directory.close();
      }
    };
  }

  private static Digest digest(String path, RegularFile file) throws ComposefsException {
    Digest digest = file.digest();
    if (digest == null) {
      throw new ComposefsException(path + ": its content is nowhere to be found");
    }
    return digest;
  }

  private static byte[] readAll(
      String path, RegularFile file, Digest digest, PositionalReader reader) throws IOException {
    byte[] content = new byte[(int) file.size()];
    int done = 0;
    while (done < content.length) {
      int read = reader.read(done, content, done, content.length - done);
      if (read <= 0) {
        throw new ComposefsException(
            path + ": " + done + " bytes of content instead of " + content.length);
      }
      done += read;
    }
    Digest actual = VerityHasher.digest(digest.algorithm(), content);
    if (!actual.equals(digest)) {
      throw DigestMismatchException.whole(path, digest.hex(), actual.hex());
    }
    return content;
  }

  /** A read at a position, of a host file or an object. */
  @FunctionalInterface
  interface PositionalReader {
    /** {@return the number of bytes read, 0 at the end} */
    int read(long position, byte[] into, int offset, int length) throws IOException;
  }
}
