package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.CorruptStreamException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.NamedReference;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What is inside of images and streams, and whether what they refer to is there. Thread-safe. */
final class FsckEntries {
  private final Fsck fsck;
  private final Repository repository;
  private final @Nullable StreamCodec codec;

  /** References that streams name, by object, each with the first, by path, who names it. */
  private final Map<Digest, Named> named = new TreeMap<>();

  private final Set<Digest> streams = new HashSet<>();

  private record Named(String path, String name) {
    static Named first(Named a, Named b) {
      return a.path.compareTo(b.path) <= 0 ? a : b;
    }
  }

  FsckEntries(Fsck fsck) {
    this.fsck = fsck;
    this.repository = fsck.repository;
    this.codec = repository.codec();
  }

  /** Holds an object to its digest, where the phase before has not done so for all. */
  private boolean verify(HostFile file, Digest digest) throws IOException {
    if (!fsck.options.metadataOnly() && fsck.options.image() == null) {
      return true;
    }
    try {
      ImageAccess.verify(repository, file, digest);
      return true;
    } catch (DigestMismatchException e) {
      fsck.add(
          Finding.of(
              FindingType.OBJECT_DIGEST_MISMATCH,
              FileName.decode(Repository.objectPath(digest)),
              "measured " + e.actual()));
      return false;
    }
  }

  /** {@return whether an image is sound and complete} */
  boolean image(String path, Digest digest, ImageAccess.ObjectSink sink) throws IOException {
    boolean[] ok = {true};
    try (HostFile file = repository.openObject(digest)) {
      ok[0] = verify(file, digest);
      ImageBytes bytes = ImageBytes.of(ObjectReader.of(file), "image");
      try (ErofsImage image = ErofsImage.open(bytes, ImageProfile.COMPOSEFS)) {
        image.check();
        DigestSet seen = new DigestSet();
        ImageAccess.walk(
            image,
            repository.algorithm(),
            object -> {
              sink.accept(object);
              if (!fsck.exists(object) && seen.add(object)) {
                fsck.missingObjects.increment();
                fsck.add(missing(FindingType.IMAGE_MISSING_OBJECT, path, null, object));
                ok[0] = false;
              }
            });
      }
    } catch (MissingObjectException e) {
      fsck.add(Finding.of(FindingType.BROKEN_SYMLINK, path));
      return false;
    } catch (CorruptImageException e) {
      fsck.add(Finding.of(FindingType.IMAGE_INVALID, path, e));
      return false;
    } catch (ComposefsException e) {
      fsck.add(Finding.of(FindingType.IMAGE_OPEN_FAILED, path, e));
      return false;
    } catch (IOException e) {
      fsck.add(Finding.of(FindingType.IMAGE_READ_FAILED, path, e));
      return false;
    }
    return ok[0];
  }

  private static Finding missing(
      FindingType type, String path, @Nullable String ref, Digest object) {
    return new Finding(type, path, ref, object.hex(), null);
  }

  /** {@return whether a stream is sound and complete} */
  boolean stream(String path, Digest digest) throws IOException {
    synchronized (this) {
      streams.add(digest);
    }
    boolean ok;
    try (HostFile file = repository.openObject(digest)) {
      ok = verify(file, digest);
      try (SplitStream stream =
          SplitStream.open(ObjectReader.of(file), "stream", repository.algorithm())) {
        ok &= references(path, stream);
        ok &= body(path, stream);
      }
    } catch (CorruptStreamException e) {
      fsck.add(Finding.of(FindingType.STREAM_OPEN_FAILED, path, e));
      return false;
    } catch (IOException e) {
      fsck.add(Finding.of(FindingType.STREAM_OPEN_FAILED, path, e));
      return false;
    }
    return ok;
  }

  private boolean references(String path, SplitStream stream) throws IOException {
    boolean ok = true;
    for (Digest object : stream.objects()) {
      if (!fsck.exists(object)) {
        fsck.missingObjects.increment();
        fsck.add(missing(FindingType.MISSING_OBJECT_REF, path, null, object));
        ok = false;
      }
    }
    if (codec == null && stream.hasCompressedNames()) {
      fsck.add(Finding.of(FindingType.STREAM_OPEN_FAILED, path, "its names need a zstd codec"));
      return false;
    }
    for (NamedReference reference : stream.names(codec)) {
      if (!fsck.exists(reference.digest())) {
        fsck.missingObjects.increment();
        fsck.add(
            missing(FindingType.MISSING_NAMED_REF, path, reference.name(), reference.digest()));
        ok = false;
      } else {
        synchronized (this) {
          named.merge(reference.digest(), new Named(path, reference.name()), Named::first);
        }
      }
    }
    return ok;
  }

  private boolean body(String path, SplitStream stream) {
    if (codec == null) {
      return true;
    }
    try {
      stream.read(
          codec,
          new SplitStream.ChunkSink() {
            @Override
            public void inline(byte[] bytes, int offset, int length) {}

            @Override
            public long external(Digest digest) throws IOException {
              long size = fsck.root.fileSize(Repository.objectPath(digest));
              if (size < 0) {
                throw new MissingObjectException(digest.hex(), "the repository");
              }
              return size;
            }
          });
      return true;
    } catch (MissingObjectException e) {
      return false; // told with the references
    } catch (IOException e) {
      fsck.add(Finding.of(FindingType.STREAM_READ_FAILED, path, e));
      return false;
    }
  }

  /** A stream that another names keeps its files only as long as it is walked as one. */
  synchronized void findLostLinks() throws IOException {
    for (Map.Entry<Digest, Named> each : named.entrySet()) {
      if (streams.contains(each.getKey())) {
        continue;
      }
      try (HostFile file = repository.openObject(each.getKey())) {
        if (Liveness.isStream(file)) {
          Named by = each.getValue();
          fsck.add(missing(FindingType.STREAM_LINK_LOST, by.path(), by.name(), each.getKey()));
        }
      } catch (MissingObjectException e) {
        // removed meanwhile
      }
    }
  }
}
