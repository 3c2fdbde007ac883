package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.OutputStream;

/** Streams in a repository: verified, and their content. The caller holds the lock. */
final class StreamAccess {
  private StreamAccess() {}

  static SplitStream open(Repository repository, Digest digest, String name) throws IOException {
    ObjectReader reader = repository.objects().open(digest);
    VerifiedReader verified = repository.verifier().open(reader, digest, name);
    return SplitStream.open(verified, name, repository.algorithm());
  }

  /**
   * Writes all of an object. A verified reader hashes all of it before it gives out any byte, so
   * nothing is written of one that is damaged.
   */
  static long copy(Repository repository, Digest digest, OutputStream out) throws IOException {
    ObjectReader reader = repository.objects().open(digest);
    try (VerifiedReader verified =
        repository.verifier().open(reader, digest, "object " + digest.hex())) {
      byte[] buffer = new byte[1 << 18];
      long position = 0;
      int read;
      while ((read = verified.read(position, buffer, 0, buffer.length)) > 0) {
        out.write(buffer, 0, read);
        position += read;
      }
      return position;
    }
  }

  /** {@return the entry that a name means: a content id or {@code refs/REF}} */
  static String resolve(Links streams, String name) throws IOException {
    String prefix = Links.REFS + "/";
    String entry =
        name.startsWith(prefix) ? streams.entryOf(name.substring(prefix.length())) : name;
    if (entry == null || streams.object(entry) == null) {
      throw Repository.notFound(Category.STREAMS, name);
    }
    return entry;
  }

  static void cat(Repository repository, String entry, OutputStream out) throws IOException {
    Digest digest = require(repository.links(Category.STREAMS), entry);
    try (SplitStream stream = open(repository, digest, entry)) {
      stream.writeTo(repository.codec(), (object, to) -> copy(repository, object, to), out);
    }
  }

  static Digest require(Links streams, String entry) throws IOException {
    Digest digest = streams.object(entry);
    if (digest == null) {
      throw new RepositoryException(Reason.NOT_FOUND, "stream '" + entry + "' not found");
    }
    return digest;
  }
}
