package io.github.composefs4j.tests;

import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.OpenOptions.Durability;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.SplitStreamWriter;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * A process that changes a repository until it is killed: {@code REPOSITORY POOL NAME SEED
 * DURABILITY}. It tells what it is about to do and what it has done in a log, {@code
 * POOL/NAME.log}, in the words of {@link WorkLog}. Ends when its standard input does, so that none
 * outlives a test.
 */
final class RepositoryWorker {
  private static final int REFS = 6;
  private static final int STREAMS = 40;

  /** One step of so many is a large import, of worker 1; none if 0. */
  private static final int LARGE_EVERY = Integer.getInteger("test.large", 0);

  private final LinuxPlatform platform = new LinuxPlatform();
  private final Path path;
  private final Pool pool;
  private final String name;
  private final Random random;
  private final Repository repository;
  private final FileChannel log;
  private final Names images = new Names(Category.IMAGES);
  private final Names streams = new Names(Category.STREAMS);

  /** Whether there is a large image. */
  private boolean large;

  /** The refs of a category that this worker has made, and the entries they lead to. */
  private record Names(Category category, Map<String, String> refs) {
    Names(Category category) {
      this(category, new TreeMap<>());
    }

    /** As the log names a ref. */
    String path(String ref) {
      return category.directory() + "/" + ref;
    }
  }

  private RepositoryWorker(String[] args) throws IOException {
    this.path = Path.of(args[0]);
    this.pool = new Pool(Path.of(args[1]));
    this.name = args[2];
    this.random = new Random(Long.parseLong(args[3]));
    this.log =
        FileChannel.open(pool.log(name), StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    this.repository =
        Repository.open(
            platform, path, OpenOptions.DEFAULT.withDurability(Durability.valueOf(args[4])));
  }

  public static void main(String[] args) throws Exception {
    Thread parent =
        new Thread(() -> {
          try {
            System.in.transferTo(java.io.OutputStream.nullOutputStream());
          } catch (IOException e) {
            // as good as the end
          }
          Runtime.getRuntime().halt(0);
        });
    parent.setDaemon(true);
    parent.start();
    new RepositoryWorker(args).work();
  }

  private void work() throws IOException {
    for (Names names : List.of(images, streams)) {
      for (Ref ref : repository.refs(names.category)) {
        if (ref.name().startsWith(name + "/")) {
          if (ref.name().equals(largeRef())) {
            large = true;
          } else {
            names.refs.put(ref.name(), ref.entry());
          }
          say("begin set " + names.path(ref.name()) + " " + ref.entry());
          say("done");
        }
      }
    }
    if (repairs()) {
      repair(); // what one that was killed has left
    }
    pool.plant(name, random); // the first one copies
    say("ready");
    while (true) {
      if (LARGE_EVERY > 0 && !repairs() && random.nextInt(LARGE_EVERY) == 0) {
        addLargeImage();
      }
      Names names = random.nextInt(3) > 0 ? images : streams;
      switch (random.nextInt(18)) {
        case 0, 1, 2, 3, 4 -> addImage();
        case 5, 6, 7 -> addStream();
        case 8, 9 -> tag(names);
        case 10, 11 -> move(names);
        case 12, 13 -> untag(names);
        case 14, 15 -> collect();
        default -> {
          if (repairs()) {
            damage();
            repair();
          }
        }
      }
    }
  }

  /** One of all, so that it knows that what it repaired is whole. */
  private boolean repairs() {
    return name.endsWith("0");
  }

  private void say(String line) throws IOException {
    log.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
  }

  private String anyRef() {
    return name + (random.nextBoolean() ? "/" : "/deep/er/") + random.nextInt(REFS);
  }

  private String anyOf(Map<String, String> known) {
    return List.copyOf(known.keySet()).get(random.nextInt(known.size()));
  }

  private void addImage() throws IOException {
    String ref = anyRef();
    images.refs.put(ref, addImage(pool.plant(name, random), ref));
  }

  private String addImage(Path tree, String ref) throws IOException {
    try (Transaction transaction = repository.begin()) {
      FileTree scanned = transaction.scan(tree, false, ScanOptions.defaults(), ScanProgress.NONE);
      String image = transaction.putImage(scanned, ref).getFirst().digest().hex();
      say("begin set " + images.path(ref) + " " + image);
      transaction.commit();
      say("done");
      return image;
    }
  }

  /**
   * So many new bytes that they are written back while they are stored. One such image at a time,
   * and no other name for it, so that there is room.
   */
  private void addLargeImage() throws IOException {
    if (large) {
      remove(images, largeRef());
      collect();
    }
    addImage(pool.plantNew(name, random), largeRef());
    large = true;
  }

  private String largeRef() {
    return name + "/large";
  }

  /** A stream of some contents of the pool, with bytes of its own between them. */
  private void addStream() throws IOException {
    String ref = anyRef();
    // The content decides the id, as for layers: the other worker may write the same one.
    String id = "stream-" + random.nextInt(STREAMS);
    Random content = new Random(id.hashCode());
    ObjectWorker objects = new ObjectWorker(repository.algorithm());
    SplitStreamWriter stream =
        new SplitStreamWriter(repository.algorithm(), 0, StreamCodec.find().orElseThrow());
    try (Transaction transaction = repository.begin()) {
      for (int i = content.nextInt(1, 12); i > 0; i--) {
        byte[] file = pool.content(content);
        stream.inline(file, 0, content.nextInt(64));
        stream.external(transaction.objects().put(file, objects), file.length);
      }
      transaction.putStream(stream, id, ref);
      say("begin set " + streams.path(ref) + " " + id);
      transaction.commit();
      say("done");
      streams.refs.put(ref, id);
    }
  }

  private void tag(Names names) throws IOException {
    if (!names.refs.isEmpty()) {
      String entry = names.refs.get(anyOf(names.refs));
      String ref = anyRef();
      say("begin set " + names.path(ref) + " " + entry);
      repository.setRef(names.category, ref, entry);
      say("done");
      names.refs.put(ref, entry);
    }
  }

  private void move(Names names) throws IOException {
    if (!names.refs.isEmpty()) {
      String from = anyOf(names.refs);
      String to = anyRef();
      if (!from.equals(to)) {
        String entry = names.refs.get(from);
        say("begin move " + names.path(from) + " " + names.path(to) + " " + entry);
        repository.moveRef(names.category, from, to);
        say("done");
        names.refs.put(to, names.refs.remove(from));
      }
    }
  }

  private void untag(Names names) throws IOException {
    if (!names.refs.isEmpty()) {
      String ref = anyOf(names.refs);
      remove(names, ref);
      names.refs.remove(ref);
    }
  }

  private void remove(Names names, String ref) throws IOException {
    say("begin remove " + names.path(ref));
    repository.removeRef(names.category, ref);
    say("done");
  }

  private void collect() throws IOException {
    say("begin collect");
    if (repository.collect(RepositorySamples.GC).stopped()) {
      throw new AssertionError("a collection was not sure");
    }
    say("done");
  }

  /** What a bad disk does: an object is gone, cut off or another one. */
  private void damage() throws IOException {
    if (images.refs.isEmpty()) {
      return;
    }
    try (Repository.Hold _ = repository.hold()) {
      List<Digest> objects = repository.imageObjects("refs/" + anyOf(images.refs));
      Digest digest = objects.get(random.nextInt(objects.size()));
      Path object =
          path.resolve("objects/" + new String(digest.objectPath(), StandardCharsets.US_ASCII));
      say("begin damage " + digest.hex());
      try {
        byte[] content = Files.readAllBytes(object);
        Files.delete(object);
        switch (random.nextInt(3)) {
          case 0 -> Files.write(object, java.util.Arrays.copyOf(content, content.length / 2));
          case 1 -> Files.write(object, new byte[content.length]);
          default -> {}
        }
      } catch (NoSuchFileException e) {
        // the other worker's import has it in hand
      }
      say("done");
    }
  }

  private void repair() throws IOException {
    say("begin repair");
    try (ReadOnlyObjectStore source =
        ReadOnlyObjectStore.open(platform, pool.objects(), HashAlgorithm.SHA256)) {
      RepairReport report = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      if (!report.failures().isEmpty()) {
        throw new AssertionError("not repaired: " + report.lines());
      }
    }
    say("done");
  }
}
