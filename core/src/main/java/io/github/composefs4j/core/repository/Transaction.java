package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.errors.CorruptStreamException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.stream.SplitStreamWriter;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A change of a repository. Objects are stored as they come; entries and refs appear when it is
 * committed, in an order that a power cut cannot turn around: objects, one sync for all of them,
 * entries, a sync, refs, a sync. What is closed without a commit leaves objects that the next
 * collection removes.
 *
 * <p>Holds the shared lock, so nothing that it stored or found is collected before it is closed.
 * Objects may be put by several threads; everything else is for one.
 */
public final class Transaction implements Closeable {
  private final Repository repository;
  private final RepositoryLock.Held held;
  private final LocalObjectStore objects;
  private final ObjectWorker worker;
  private final Map<String, Digest> images = new LinkedHashMap<>();
  private final Map<String, Digest> streams = new LinkedHashMap<>();
  private final Map<String, String> imageRefs = new LinkedHashMap<>();
  private final Map<String, String> streamRefs = new LinkedHashMap<>();

  Transaction(Repository repository, RepositoryLock.Held held) throws IOException {
    this.repository = repository;
    this.held = held;
    this.objects =
        LocalObjectStore.open(
            repository.platform(),
            repository.objectsPath(),
            repository.algorithm(),
            repository.policy());
    if (repository.syncs().wanted()) {
      objects.writeBack();
    }
    this.worker = new ObjectWorker(repository.algorithm());
  }

  /**
   * Checks that a ref can be made, before the work that leads to it.
   *
   * @throws RepositoryException if the name is not allowed, is a directory or lies below a ref
   */
  public void checkRef(Category category, String ref) throws IOException {
    repository.links(category).requireRefName(ref);
  }

  /** {@return the objects, to put more into it; open as long as this is} */
  public LocalObjectStore objects() {
    return objects;
  }

  /**
   * {@return the tree of a directory, its files stored as objects} The options' algorithm is that
   * of the repository, whatever they say.
   */
  public FileTree scan(Path directory, boolean followed, ScanOptions options, ScanProgress progress)
      throws IOException {
    return scan(directory, followed, options, null, progress);
  }

  /**
   * {@return as the other form} What is present in another source of the repository is not stored.
   *
   * @param index tells and learns digests of files whose objects are there, or null; not saved
   */
  public FileTree scan(
      Path directory,
      boolean followed,
      ScanOptions options,
      @Nullable ScanIndex index,
      ScanProgress progress)
      throws IOException {
    return Scanner.scan(
        repository.platform(),
        directory,
        followed,
        options.withAlgorithm(repository.algorithm()),
        objects,
        index,
        repository.elsewhere(),
        progress);
  }

  /**
   * An image that was stored.
   *
   * @param version its format
   */
  public record StoredImage(Digest digest, FormatVersion version) {}

  /**
   * Stores the image of a tree, once for each format of the repository.
   *
   * @param ref what the image of the first format is to be called, or null
   * @return the images, that of the first format first
   */
  public List<StoredImage> putImage(FileTree tree, @Nullable String ref) throws IOException {
    if (ref != null) {
      repository.links(Category.IMAGES).requireRefName(ref);
    }
    List<StoredImage> stored = new ArrayList<>();
    for (FormatVersion version : repository.formats()) {
      ImageOptions options = ImageOptions.of(version).withDigest(null);
      try (LocalObjectStore.NewObject object = objects.create(worker)) {
        ImageWriter.write(tree, options, object);
        stored.add(new StoredImage(object.commit(null), version));
      }
    }
    for (StoredImage each : stored) {
      images.put(each.digest().hex(), each.digest());
    }
    if (ref != null) {
      imageRefs.put(ref, stored.getFirst().digest().hex());
    }
    return stored;
  }

  /**
   * An image that was imported.
   *
   * @param missing the objects of its files that are not in the repository, sorted
   */
  public record ImportedImage(Digest digest, List<Digest> missing) {}

  /**
   * Stores a ready image.
   *
   * @param ref what it is to be called, or null
   * @throws io.github.composefs4j.core.errors.CorruptImageException if it is none
   */
  public ImportedImage importImage(ReadableByteChannel image, @Nullable String ref)
      throws IOException {
    if (ref != null) {
      repository.links(Category.IMAGES).requireRefName(ref);
    }
    Digest digest;
    try (LocalObjectStore.NewObject object = objects.create(worker)) {
      ByteBuffer buffer = ByteBuffer.allocate(1 << 18);
      while (image.read(buffer) >= 0) {
        object.write(buffer.flip());
        buffer.clear();
      }
      digest = object.commit(null);
    }
    // As an object without a name it harms nobody if it turns out to be no image.
    List<Digest> missing = missing(digest);
    images.put(digest.hex(), digest);
    if (ref != null) {
      imageRefs.put(ref, digest.hex());
    }
    return new ImportedImage(digest, missing);
  }

  private List<Digest> missing(Digest digest) throws IOException {
    try (ErofsImage image = ImageAccess.open(repository, digest)) {
      image.check();
      List<Digest> all = ImageAccess.objects(image, repository.algorithm());
      var present = repository.objects().present(all);
      List<Digest> missing = new ArrayList<>();
      for (int i = 0; i < all.size(); i++) {
        if (!present.get(i)) {
          missing.add(all.get(i));
        }
      }
      return missing;
    }
  }

  /**
   * Names an image that is an object already, such as one copied from another repository.
   *
   * @param ref what it is to be called, or null
   */
  public void addImage(Digest image, @Nullable String ref) throws IOException {
    if (ref != null) {
      repository.links(Category.IMAGES).requireRefName(ref);
      imageRefs.put(ref, image.hex());
    }
    images.put(image.hex(), image);
  }

  /**
   * Copies an image with the objects of its files from another repository, which is only read.
   * Objects that are here stay; all that arrives is verified.
   *
   * @param name of the image in {@code source}, as in {@link Repository#resolveImage}
   * @param ref what it is to be called here, or null
   * @return how many objects were copied, the image itself included
   * @throws RepositoryException if the repositories have different algorithms
   */
  public long copyImage(Repository source, String name, @Nullable String ref) throws IOException {
    return copyImage(source, name, ref, ScanProgress.NONE);
  }

  /** {@return as the other form, telling of objects that were copied, not of bytes} */
  public long copyImage(Repository source, String name, @Nullable String ref, ScanProgress progress)
      throws IOException {
    if (source.algorithm() != repository.algorithm()) {
      throw new RepositoryException(
          Reason.ALGORITHM_MISMATCH,
          source.path()
              + ": is a repository of "
              + source.algorithm().label()
              + ", this one of "
              + repository.algorithm().label());
    }
    if (ref != null) {
      repository.links(Category.IMAGES).requireRefName(ref);
    }
    long copied = 0;
    try (Repository.Hold _ = source.hold()) {
      Digest image = source.resolveImage(name);
      for (Digest digest : source.imageObjects(image.hex())) {
        copied += objects.copyFrom(source.objects(), digest, worker) ? 1 : 0;
        progress.update(copied, 0);
      }
      copied += objects.copyFrom(source.objects(), image, worker) ? 1 : 0;
      addImage(image, ref);
    }
    return copied;
  }

  /**
   * Names a stream that is an object.
   *
   * @param contentId the name of its entry
   * @param ref what it is to be called besides, or null
   */
  public void addStream(String contentId, Digest stream, @Nullable String ref) throws IOException {
    repository.links(Category.STREAMS).requireEntryName(contentId);
    if (ref != null) {
      repository.links(Category.STREAMS).requireRefName(ref);
      streamRefs.put(ref, contentId);
    }
    streams.put(contentId, stream);
  }

  /**
   * Stores a stream and names it. The objects that it uses must have been put.
   *
   * @param contentId the name of its entry
   * @param ref what it is to be called besides, or null
   * @return the digest of the stream's object
   */
  public Digest putStream(SplitStreamWriter stream, String contentId, @Nullable String ref)
      throws IOException {
    repository.links(Category.STREAMS).requireEntryName(contentId);
    Digest digest;
    try (LocalObjectStore.NewObject object = objects.create(worker)) {
      stream.finish(object);
      digest = object.commit(null);
    }
    addStream(contentId, digest, ref);
    return digest;
  }

  /**
   * {@return the object of a stream that is named already and whole: the entry and all that it
   * refers to are there} Importers ask before they do the work again; a stream of which something
   * is missing is to be imported anew.
   */
  public Optional<Digest> findStream(String contentId) throws IOException {
    Digest digest = repository.links(Category.STREAMS).object(contentId);
    if (digest == null) {
      return Optional.empty();
    }
    try (SplitStream stream = StreamAccess.open(repository, digest, contentId)) {
      List<Digest> all = new ArrayList<>(stream.objects());
      all.addAll(stream.references());
      return objects.present(all).cardinality() == all.size()
          ? Optional.of(digest)
          : Optional.empty();
    } catch (MissingObjectException | DigestMismatchException | CorruptStreamException e) {
      return Optional.empty();
    }
  }

  /** Makes or replaces a ref to an entry that is there or comes with this change. */
  public void setRef(Category category, String ref, String entry) throws IOException {
    Links links = repository.links(category);
    links.requireRefName(ref);
    Map<String, Digest> coming = category == Category.IMAGES ? images : streams;
    if (!coming.containsKey(entry)) {
      Digest object = links.object(entry);
      if (object == null) {
        throw Repository.notFound(category, entry);
      }
      if (!objects.present(List.of(object)).get(0)) {
        throw new RepositoryException(
            Reason.BROKEN_LINK, links.entryPath(entry) + ": its object is missing");
      }
    }
    (category == Category.IMAGES ? imageRefs : streamRefs).put(ref, entry);
  }

  /** Makes the names appear. All of it is durable when this returns. */
  public void commit() throws IOException {
    makeDirectories(Category.IMAGES, images, imageRefs);
    makeDirectories(Category.STREAMS, streams, streamRefs);
    repository.syncs().all();
    objects.checkWritten();
    Set<String> dirty = new LinkedHashSet<>();
    // An entry that was there before may not be durable: whoever made it may not have come so far.
    if (!imageRefs.isEmpty()) {
      dirty.add(Category.IMAGES.directory());
    }
    if (!streamRefs.isEmpty()) {
      dirty.add(Category.STREAMS.directory());
    }
    put(Category.IMAGES, images, dirty);
    put(Category.STREAMS, streams, dirty);
    repository.syncs().directories(dirty);
    putRefs(Category.IMAGES, imageRefs, dirty);
    putRefs(Category.STREAMS, streamRefs, dirty);
    repository.syncs().directories(dirty);
  }

  /**
   * Directories come before the one sync for all: also those that somebody else has just made, and
   * not synced yet, are durable then.
   */
  private void makeDirectories(
      Category category, Map<String, Digest> entries, Map<String, String> refs) throws IOException {
    if (!entries.isEmpty() || !refs.isEmpty()) {
      repository.links(category).makeDirectories(refs.keySet());
    }
  }

  private void put(Category category, Map<String, Digest> entries, Set<String> dirty)
      throws IOException {
    for (Map.Entry<String, Digest> entry : entries.entrySet()) {
      repository.links(category).putEntry(entry.getKey(), entry.getValue(), dirty);
    }
    entries.clear();
  }

  private void putRefs(Category category, Map<String, String> refs, Set<String> dirty)
      throws IOException {
    for (Map.Entry<String, String> ref : refs.entrySet()) {
      repository.links(category).putRef(ref.getKey(), ref.getValue(), dirty);
    }
    refs.clear();
  }

  @Override
  public void close() throws IOException {
    try {
      objects.close();
    } finally {
      held.close();
    }
  }
}
