package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.StorePolicy;
import io.github.composefs4j.core.repository.OpenOptions.Durability;
import io.github.composefs4j.core.repository.OpenOptions.Security;
import io.github.composefs4j.core.sources.SourceStatus;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A repository: objects by digest, images and streams that lead to them, and refs, which keep them
 * from being collected. Shared with other processes and implementations. Thread-safe.
 *
 * <p>A handle holds no lock. Every operation takes the shared lock for as long as it lasts, so that
 * nothing it uses is collected meanwhile; {@link #hold} keeps it over several operations.
 */
public final class Repository implements Closeable {
  private static final long VERIFIER_BYTES = 8 << 20;

  private final Platform platform;
  private final Path path;
  private final StoreDirectory root;
  private final HandleLock lock;
  private final OpenOptions options;
  private volatile Metadata metadata;
  private volatile RepositoryConfig config;
  private final boolean hasVerity;
  private final Verifier verifier =
      new Verifier(VerifyOptions.defaults().withMemory(VERIFIER_BYTES, 0));
  private final Links images;
  private final Links streams;
  private final RepositoryObjects objects;
  private final Syncs syncs;

  Repository(
      Platform platform,
      Path path,
      StoreDirectory root,
      HandleLock lock,
      OpenOptions options,
      MetadataFile.Loaded loaded)
      throws IOException {
    this.platform = platform;
    this.path = path;
    this.root = root;
    this.lock = lock;
    this.options = options;
    this.syncs = new Syncs(root, options.durability() == Durability.FULL);
    this.metadata = loaded.metadata();
    this.config = metadata.config();
    this.hasVerity = loaded.isSecure(config.algorithm());
    this.images = new Links(root, Category.IMAGES, config.algorithm());
    this.streams = new Links(root, Category.STREAMS, config.algorithm());
    this.objects = new RepositoryObjects(this, options.sources());
  }

  /** What {@link #init} did. */
  public enum Initialized {
    /** There is a new repository. */
    CREATED,
    /** There was one; it is unchanged. */
    ALREADY,
    /** There was one without {@code meta.json}; it has one now. */
    UPGRADED
  }

  /**
   * How a repository is made.
   *
   * @param secure whether it must have fs-verity
   * @param ensure whether an existing configuration is kept though it is another, and an old
   *     repository upgraded
   * @param reset whether all names are removed first; objects stay
   * @param waiting how long to wait for others
   */
  public record InitOptions(boolean secure, boolean ensure, boolean reset, Waiting waiting) {}

  /**
   * Makes a repository, or confirms that there is one. Durable when this returns.
   *
   * @throws RepositoryException if there is another one, or fs-verity cannot be had
   */
  public static Initialized init(
      Platform platform, Path path, RepositoryConfig config, InitOptions options)
      throws IOException {
    return RepositorySetup.init(platform, path, config, options);
  }

  /**
   * {@return the repository in a directory}
   *
   * @throws RepositoryException if there is none, or not as it must be
   */
  public static Repository open(Platform platform, Path path, OpenOptions options)
      throws IOException {
    return RepositoryOpening.open(platform, path, options);
  }

  /** {@return the directory} */
  public Path path() {
    return path;
  }

  /** {@return the configuration} */
  public RepositoryConfig config() {
    return config;
  }

  /** {@return the algorithm of all digests} */
  public HashAlgorithm algorithm() {
    return config.algorithm();
  }

  /** {@return the formats that images are made in, that of the one that gets names first} */
  public List<FormatVersion> formats() {
    FormatVersion only = options.format();
    return only == null ? config.formats() : List.of(only);
  }

  /** {@return whether kernel fs-verity is insisted on} */
  public boolean isSecure() {
    return hasVerity && options.security() != Security.INSECURE;
  }

  /** {@return why this repository is only read, or null if it may be written to} */
  public @Nullable RepositoryException readOnlyReason() throws IOException {
    if (!lock.exists()) {
      return lock.missing();
    }
    List<String> unknown = metadata.unknownForWriting();
    if (!unknown.isEmpty()) {
      return new RepositoryException(
          Reason.NOT_WRITABLE,
          path
              + ": only reading: it has features that are not known here: "
              + String.join(", ", unknown));
    }
    return root.isWritable()
        ? null
        : new RepositoryException(Reason.NOT_WRITABLE, path + ": is not writable");
  }

  void requireWritable() throws IOException {
    RepositoryException reason = readOnlyReason();
    if (reason != null) {
      throw reason;
    }
  }

  /** A claim that nothing is collected; closing ends it. */
  public interface Hold extends Closeable {}

  /** {@return the shared lock, held until it is closed} */
  public Hold hold() throws IOException {
    return lock.hold();
  }

  <T extends @Nullable Object> T reading(HandleLock.Action<T> action) throws IOException {
    return lock.reading(action);
  }

  RepositoryLock.Held exclusive(Waiting waiting) throws IOException {
    return lock.exclusive(waiting);
  }

  /** What holds images and streams to their digests; remembers nothing of much size. */
  Verifier verifier() {
    return verifier;
  }

  StoreDirectory root() {
    return root;
  }

  Platform platform() {
    return platform;
  }

  OpenOptions options() {
    return options;
  }

  Links links(Category category) {
    return category == Category.IMAGES ? images : streams;
  }

  StorePolicy policy() {
    return new StorePolicy(isSecure(), true, options.transfer());
  }

  Syncs syncs() {
    return syncs;
  }

  Path objectsPath() {
    return path.resolve(Links.OBJECTS);
  }

  /** {@return the path of an object below the repository} */
  static byte[] objectPath(Digest digest) {
    byte[] prefix = FileName.encode(Links.OBJECTS + "/");
    byte[] all = new byte[prefix.length + digest.objectPathLength()];
    System.arraycopy(prefix, 0, all, 0, prefix.length);
    digest.copyObjectPathTo(all, prefix.length);
    return all;
  }

  /**
   * {@return the objects, for reading, those of the other sources too; not to be taken for
   * verified, as of any {@link ObjectStore}} Nothing keeps them from being collected but a {@link
   * #hold}. Need not be closed.
   */
  public ObjectStore objects() {
    return objects.all();
  }

  /** {@return the objects of the other sources alone, or null if there are none} */
  public @Nullable UnionObjectStore elsewhere() {
    return objects.elsewhere();
  }

  /**
   * {@return the directories of objects that answer, that of this repository first: the data-only
   * layers of a mount}
   */
  public List<Path> objectDirectories() throws IOException {
    return objects.directories();
  }

  boolean isElsewhere(Digest digest) throws IOException {
    return objects.isElsewhere(digest);
  }

  /** {@return what is known of the other sources, in their order} */
  public List<SourceStatus> sourceStatus() {
    return objects.status();
  }

  HostFile openObject(Digest digest) throws IOException {
    try {
      return root.open(objectPath(digest));
    } catch (NoSuchFileException e) {
      throw new MissingObjectException(digest.hex(), path.toString());
    }
  }

  /** {@return all refs of a category, sorted bytewise; also those that lead nowhere} */
  public List<Ref> refs(Category category) throws IOException {
    return reading(() -> links(category).refs());
  }

  /** {@return the names of all entries of a category, sorted bytewise} */
  public List<String> entries(Category category) throws IOException {
    return reading(() ->
        links(category).entries().stream()
            .filter(found -> found.type() == StoreDirectory.EntryType.SYMLINK)
            .map(Links.Found::name)
            .toList());
  }

  /**
   * {@return the object that an entry leads to}
   *
   * @throws RepositoryException if there is no such entry, or it does not lead to an object
   */
  public Digest object(Category category, String entry) throws IOException {
    Digest digest = reading(() -> links(category).object(entry));
    if (digest == null) {
      throw notFound(category, entry);
    }
    return digest;
  }

  static RepositoryException notFound(Category category, String name) {
    return new RepositoryException(
        Reason.NOT_FOUND,
        category.singular() + " '" + FileName.printable(Links.bytes(name)) + "' not found");
  }

  /**
   * {@return the digest of the image of a name: its digest, {@code refs/REF}, or a REF without a
   * slash (8.3)} Refs are resolved to the entry they lead to, whose name is the digest.
   *
   * @throws RepositoryException if there is none
   */
  public Digest resolveImage(String name) throws IOException {
    return reading(() -> ImageAccess.resolve(images, name));
  }

  /** {@return the name of the stream of a name: its content id or {@code refs/REF}} */
  public String resolveStream(String name) throws IOException {
    return reading(() -> StreamAccess.resolve(streams, name));
  }

  /**
   * {@return an image, its bytes verified against its digest} The kernel's word is taken where the
   * file has fs-verity; otherwise all of it is hashed.
   *
   * @param name as in {@link #resolveImage}
   */
  public ErofsImage openImage(String name) throws IOException {
    return reading(() -> ImageAccess.open(this, ImageAccess.resolve(images, name)));
  }

  /**
   * {@return the image of a digest, as {@link #openImage(String)}, whether it has an entry or not}
   */
  public ErofsImage openImage(Digest digest) throws IOException {
    return reading(() -> ImageAccess.open(this, digest));
  }

  /** {@return the digests of the objects of an image's files, each once, sorted} */
  public List<Digest> imageObjects(String name) throws IOException {
    return reading(() -> {
      try (ErofsImage image = openImageUnlocked(name)) {
        return ImageAccess.objects(image, algorithm());
      }
    });
  }

  /**
   * {@return a stream, held to its digest block by block} Nothing keeps what it refers to from
   * being collected but a {@link #hold}.
   *
   * @param name as in {@link #resolveStream}
   */
  public SplitStream openStream(String name) throws IOException {
    String entry = resolveStream(name);
    return reading(() -> StreamAccess.open(this, StreamAccess.require(streams, entry), entry));
  }

  /** {@return the stream that an object is, as {@link #openStream(String)}} */
  public SplitStream openStream(Digest digest) throws IOException {
    return reading(() -> StreamAccess.open(this, digest, "stream " + digest.hex()));
  }

  /**
   * Writes the content of a stream. Each object is verified before any of its bytes are written.
   *
   * @param name as in {@link #resolveStream}
   */
  public void cat(String name, OutputStream out) throws IOException {
    String entry = resolveStream(name);
    reading(() -> {
      StreamAccess.cat(this, entry, out);
      return null;
    });
  }

  /** {@return the codec for streams, or null if none is installed} */
  @Nullable StreamCodec codec() {
    return StreamCodec.find().orElse(null);
  }

  /**
   * Removes what no ref reaches (repository.md, section 10).
   *
   * @return what was done, and what was found on the way
   * @throws RepositoryException if others use the repository for longer than to be waited for
   */
  public GcResult collect(GcOptions gc) throws IOException {
    if (!gc.dryRun()) {
      requireWritable();
    }
    return new GarbageCollector(this, gc).run();
  }

  /** {@return what is wrong with this repository (repository.md, section 11)} */
  public FsckReport check(FsckOptions fsck) throws IOException {
    return reading(() -> new Fsck(this, fsck).run());
  }

  /**
   * Checks, fetches what is damaged or missing from elsewhere, puts aside what cannot be repaired,
   * and checks again.
   *
   * @param source where sound objects may be; verified on arrival
   */
  public RepairReport repair(FsckOptions fsck, ObjectStore source, Waiting waiting)
      throws IOException {
    requireWritable();
    return new Repair(this, source, waiting).run(fsck);
  }

  private ErofsImage openImageUnlocked(String name) throws IOException {
    return ImageAccess.open(this, ImageAccess.resolve(images, name));
  }

  /**
   * {@return a change: objects are stored at once, names appear when it is committed}
   *
   * @throws RepositoryException if the repository cannot be written to
   */
  public Transaction begin() throws IOException {
    requireWritable();
    RepositoryLock.Held held = lock.shared();
    if (held == null) {
      throw lock.missing();
    }
    try {
      return new Transaction(this, held);
    } catch (IOException | RuntimeException e) {
      held.close();
      throw e;
    }
  }

  /**
   * Makes or replaces a ref. Durable when this returns.
   *
   * @param entry the digest of an image or the content id of a stream; must be there, and its
   *     object too
   */
  public void setRef(Category category, String ref, String entry) throws IOException {
    try (Transaction transaction = begin()) {
      transaction.setRef(category, ref, entry);
      transaction.commit();
    }
  }

  /**
   * Removes a ref. Durable when this returns.
   *
   * @throws RepositoryException if there is none
   */
  public void removeRef(Category category, String ref) throws IOException {
    requireWritable();
    reading(() -> {
      Set<String> dirty = new LinkedHashSet<>();
      if (!links(category).removeRef(ref, dirty)) {
        throw notFound(category, Links.REFS + "/" + ref);
      }
      syncs.directories(dirty);
      return null;
    });
  }

  /** Gives a ref another name, replacing a ref of that name. Durable when this returns. */
  public void moveRef(Category category, String from, String to) throws IOException {
    String entry = reading(() -> links(category).entryOf(from));
    if (entry == null) {
      throw notFound(category, Links.REFS + "/" + from);
    }
    if (!from.equals(to)) {
      setRef(category, to, entry);
      removeRef(category, from);
    }
  }

  /**
   * Changes the formats that images are made in from now on. Durable when this returns; images that
   * are there stay. Takes the exclusive lock.
   */
  public void setFormats(FormatVersion format, Set<FormatVersion> extra, Waiting waiting)
      throws IOException {
    requireWritable();
    RepositoryConfig changed = new RepositoryConfig(algorithm(), format, extra);
    Metadata written = Metadata.of(changed).withCompatible(metadata.compatible());
    try (RepositoryLock.Held _ = exclusive(waiting)) {
      if (!MetadataFile.write(root, written, hasVerity, true)) {
        throw new ComposefsException("meta.json could not be replaced");
      }
    }
    metadata = written;
    config = changed;
  }

  @Override
  public void close() throws IOException {
    objects.close();
    lock.close();
    root.close();
  }
}
