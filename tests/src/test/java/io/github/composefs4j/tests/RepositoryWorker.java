package io.github.composefs4j.tests;

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

  private final LinuxPlatform platform = new LinuxPlatform();
  private final Path path;
  private final Pool pool;
  private final String name;
  private final Random random;
  private final Repository repository;
  private final FileChannel log;
  private final Map<String, Digest> refs = new TreeMap<>();

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
    for (Ref ref : repository.refs(Category.IMAGES)) {
      if (ref.name().startsWith(name + "/")) {
        refs.put(ref.name(), Digest.parse(ref.entry()));
        say("begin set " + ref.name() + " " + ref.entry());
        say("done");
      }
    }
    if (repairs()) {
      repair(); // what one that was killed has left
    }
    pool.plant(name, random); // the first one copies
    say("ready");
    while (true) {
      switch (random.nextInt(16)) {
        case 0, 1, 2, 3, 4, 5 -> addImage();
        case 6, 7 -> tag();
        case 8, 9 -> move();
        case 10, 11 -> untag();
        case 12, 13 -> collect();
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

  private String anyOf(Map<String, Digest> known) {
    return List.copyOf(known.keySet()).get(random.nextInt(known.size()));
  }

  private void addImage() throws IOException {
    Path tree = pool.plant(name, random);
    String ref = anyRef();
    try (Transaction transaction = repository.begin()) {
      FileTree scanned = transaction.scan(tree, false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest image = transaction.putImage(scanned, ref).getFirst().digest();
      say("begin set " + ref + " " + image.hex());
      transaction.commit();
      say("done");
      refs.put(ref, image);
    }
  }

  private void tag() throws IOException {
    if (!refs.isEmpty()) {
      Digest image = refs.get(anyOf(refs));
      String ref = anyRef();
      say("begin set " + ref + " " + image.hex());
      repository.setRef(Category.IMAGES, ref, image.hex());
      say("done");
      refs.put(ref, image);
    }
  }

  private void move() throws IOException {
    if (!refs.isEmpty()) {
      String from = anyOf(refs);
      String to = anyRef();
      if (!from.equals(to)) {
        say("begin move " + from + " " + to + " " + refs.get(from).hex());
        repository.moveRef(Category.IMAGES, from, to);
        say("done");
        refs.put(to, refs.remove(from));
      }
    }
  }

  private void untag() throws IOException {
    if (!refs.isEmpty()) {
      String ref = anyOf(refs);
      say("begin remove " + ref);
      repository.removeRef(Category.IMAGES, ref);
      say("done");
      refs.remove(ref);
    }
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
    if (refs.isEmpty()) {
      return;
    }
    try (Repository.Hold _ = repository.hold()) {
      List<Digest> objects = repository.imageObjects("refs/" + anyOf(refs));
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
