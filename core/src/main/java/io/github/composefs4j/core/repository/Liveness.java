package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.NamedReference;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * What refs and mounts reach (repository.md, sections 10.1 and 10.2). Images and streams are held
 * to their digests before they are walked: what a damaged one needs cannot be known, so nothing may
 * be removed then. Can be asked several times, and walks only what is new.
 */
final class Liveness {
  /** 2 MiB of an image: what more would be kept is garbage when the next one is walked. */
  private static final int PAGES_KEPT = 32;

  private static final int MAGIC_AT = 1024;
  private static final byte[] EROFS_MAGIC = {(byte) 0xe2, (byte) 0xe1, (byte) 0xf5, (byte) 0xe0};
  private static final byte[] STREAM_MAGIC = {
    'S', 'p', 'l', 'i', 't', 'S', 't', 'r', 'e', 'a', 'm'
  };
  private static final int OLD_STREAM_MAGIC_AT = 18;

  private final Repository repository;
  private final Workers workers;
  private final @Nullable StreamCodec codec;
  private final DigestSet live;
  private final Set<Digest> images = ConcurrentHashMap.newKeySet();
  private final Set<Digest> streams = ConcurrentHashMap.newKeySet();
  private final Set<Finding> findings = ConcurrentHashMap.newKeySet();

  /** Streams that others name, to be walked next. */
  private final ConcurrentLinkedQueue<Digest> named = new ConcurrentLinkedQueue<>();

  private volatile boolean uncertain;

  Liveness(Repository repository, Workers workers) throws IOException {
    this.live = DigestSet.withRoomForObjectsOf(repository.root());
    this.repository = repository;
    this.workers = workers;
    this.codec = repository.codec();
  }

  DigestSet live() {
    return live;
  }

  /** {@return whether something that is kept may need more than is known} */
  boolean isUncertain() {
    return uncertain;
  }

  Collection<Finding> findings() {
    return findings;
  }

  private void stop(Finding finding) {
    findings.add(finding);
    uncertain = true;
  }

  /** Adds all that the roots of this moment reach. */
  void mark(List<String> extraRoots, Path processes) throws IOException {
    List<Workers.Task> tasks = new ArrayList<>();
    for (Category category : Category.values()) {
      Set<String> entries = new HashSet<>();
      Set<Digest> lost = new HashSet<>();
      for (Links.Found found : repository.links(category).allRefs()) {
        entryOf(category, found, entries, lost);
      }
      for (Digest image : lost) {
        tasks.add(() -> walk(Category.IMAGES, image, objectPath(image)));
      }
      for (String extra : extraRoots) {
        if (repository.links(category).text(repository.links(category).entryPath(extra)) != null) {
          entries.add(extra);
        }
      }
      for (String entry : entries) {
        Digest object = objectOf(category, entry);
        if (object != null) {
          String path = repository.links(category).entryPath(entry);
          tasks.add(() -> walk(category, object, path));
        }
      }
    }
    MountedImages.Found mounted = MountedImages.find(repository, processes);
    mounted.unknown().forEach(this::stop);
    for (Digest digest : mounted.digests()) {
      if (repository.root().fileSize(Repository.objectPath(digest)) >= 0) {
        tasks.add(() -> walk(Category.IMAGES, digest, "mounted image " + digest.hex()));
      }
    }
    workers.run(tasks);
    while (!named.isEmpty()) {
      List<Workers.Task> more = new ArrayList<>();
      for (Digest next; (next = named.poll()) != null; ) {
        Digest stream = next;
        more.add(() -> walk(Category.STREAMS, stream, objectPath(stream)));
      }
      workers.run(more);
    }
  }

  private static String objectPath(Digest digest) {
    return Links.OBJECTS + "/" + digest.hex().substring(0, 2) + "/" + digest.hex().substring(2);
  }

  private void entryOf(Category category, Links.Found ref, Set<String> entries, Set<Digest> lost)
      throws IOException {
    Links links = repository.links(category);
    String path = links.refPath(ref.name());
    if (ref.type() != EntryType.SYMLINK) {
      findings.add(Finding.of(FindingType.UNEXPECTED_FILE_TYPE, path));
      return;
    }
    String text = links.text(path);
    String entry = text == null ? null : Links.lastComponent(text);
    if (entry == null) {
      return;
    }
    if (links.text(links.entryPath(entry)) == null) {
      findings.add(
          Finding.of(FindingType.BROKEN_SYMLINK, path, "leads to '" + text + "', no entry"));
      // The name of an image tells its object, also if only its entry was lost.
      Digest digest = lostImage(links, entry);
      if (digest != null) {
        lost.add(digest);
      }
      return;
    }
    entries.add(entry);
  }

  /** {@return the image that a ref to a lost entry means, if its object is there} */
  private @Nullable Digest lostImage(Links links, String entry) throws IOException {
    if (links.category() != Category.IMAGES || !links.isDigest(entry)) {
      return null;
    }
    Digest digest = Digest.parse(entry);
    return repository.root().fileSize(Repository.objectPath(digest)) >= 0 ? digest : null;
  }

  private @Nullable Digest objectOf(Category category, String entry) throws IOException {
    try {
      return repository.links(category).object(entry);
    } catch (ComposefsException e) {
      stop(
          Finding.of(
              FindingType.ENTRY_NOT_TO_OBJECT, repository.links(category).entryPath(entry), e));
      return null;
    }
  }

  private void walk(Category category, Digest digest, String path) throws IOException {
    live.add(digest);
    if (!(category == Category.IMAGES ? images : streams).add(digest)) {
      return;
    }
    boolean image = category == Category.IMAGES;
    try (HostFile file = repository.openObject(digest)) {
      ImageAccess.verify(repository, file, digest);
      if (image) {
        walkImage(file, path);
      } else {
        walkStream(file, path);
      }
    } catch (MissingObjectException e) {
      stop(Finding.of(FindingType.BROKEN_SYMLINK, path, "its object is missing"));
    } catch (ComposefsException e) {
      stop(
          Finding.of(
              image ? FindingType.IMAGE_OPEN_FAILED : FindingType.STREAM_OPEN_FAILED, path, e));
    }
  }

  private void walkImage(HostFile file, String path) throws IOException {
    if (!hasMagic(file, MAGIC_AT, EROFS_MAGIC)) {
      // Bytes that are what their digest says, and no image at all, need nothing.
      findings.add(Finding.of(FindingType.IMAGE_INVALID, path, "is no image, and keeps nothing"));
      return;
    }
    // The image is read through the file that was verified; closing that twice does no harm.
    ImageBytes bytes = ImageBytes.of(ObjectReader.of(file), path, PAGES_KEPT);
    try (ErofsImage image = ErofsImage.open(bytes, ImageProfile.COMPOSEFS)) {
      ImageAccess.walk(image, repository.algorithm(), live::add);
    }
  }

  private static boolean hasMagic(HostFile file, int at, byte[] magic) throws IOException {
    byte[] found = new byte[magic.length];
    return file.read(at, found, 0, found.length) == found.length && Arrays.equals(found, magic);
  }

  static boolean isStream(HostFile file) throws IOException {
    return hasMagic(file, 0, STREAM_MAGIC) || hasMagic(file, OLD_STREAM_MAGIC_AT, STREAM_MAGIC);
  }

  private void walkStream(HostFile file, String path) throws IOException {
    if (!isStream(file)) {
      findings.add(
          Finding.of(FindingType.STREAM_OPEN_FAILED, path, "is no splitstream, and keeps nothing"));
      return;
    }
    try (SplitStream stream =
        SplitStream.open(ObjectReader.of(file), path, repository.algorithm())) {
      for (Digest object : stream.objects()) {
        live.add(object);
      }
      for (Digest reference : references(stream)) {
        live.add(reference);
        nameReference(reference, path);
      }
    }
  }

  /** Without a codec the names are not known: then all of the table is kept. */
  private List<Digest> references(SplitStream stream) throws IOException {
    if (codec == null && stream.hasCompressedNames()) {
      return stream.references();
    }
    return stream.names(codec).stream().map(NamedReference::digest).distinct().toList();
  }

  /** What is named is walked if it is a stream, whether it has an entry or not. */
  private void nameReference(Digest digest, String path) throws IOException {
    if (streams.contains(digest) || images.contains(digest)) {
      return;
    }
    try (HostFile file = repository.openObject(digest)) {
      if (isStream(file)) {
        named.add(digest);
      } else {
        // It may be a stream with a damaged beginning.
        ImageAccess.verify(repository, file, digest);
      }
    } catch (MissingObjectException e) {
      stop(
          new Finding(
              FindingType.MISSING_NAMED_REF, path, null, digest.hex(), "what it needs is unknown"));
    } catch (ComposefsException e) {
      stop(Finding.of(FindingType.OBJECT_DIGEST_MISMATCH, objectPath(digest), e));
    }
  }
}
