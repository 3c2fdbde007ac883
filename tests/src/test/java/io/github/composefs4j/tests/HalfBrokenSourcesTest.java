package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.objects.StorePolicy;
import io.github.composefs4j.core.sources.SourceStatus;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.sources.UnionObjectStore.Member;
import io.github.composefs4j.core.sources.UnionOptions;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Four sources, each with a random two thirds of the objects: a directory, a squashfs that the
 * kernel mounted, one behind a FUSE server that has stopped, one that has damaged every tenth.
 * {@code -Dtest.objects=N} makes it larger.
 */
@Timeout(300)
class HalfBrokenSourcesTest {
  private static final int OBJECTS = Integer.getInteger("test.objects", 400);

  @TempDir Path directory;

  private final Map<Digest, byte[]> contents = new LinkedHashMap<>();
  private final List<Digest> onlyBehindTheServer = new ArrayList<>();
  private Path squashfs;
  private Path served;
  private Process server;

  @BeforeEach
  void makeSources() throws Exception {
    Requirements.root();
    Requirements.program("mksquashfs");
    Requirements.program("squashfuse");
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    long seed = Long.getLong("test.seed", 7);
    Random random = new Random(seed);
    List<Path> trees = new ArrayList<>();
    for (String name : List.of("plain", "packed", "behind", "damaged")) {
      trees.add(Files.createDirectory(directory.resolve(name)));
    }
    for (int i = 0; i < OBJECTS; i++) {
      byte[] content = new byte[i % 50 == 0 ? 3_000_000 : 65 + random.nextInt(100_000)];
      random.nextBytes(content);
      Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, content);
      contents.put(digest, content);
      boolean damages = i % 10 == 0;
      boolean[] has = new boolean[4];
      while (!has[0] && !has[1] && !has[2] && (!has[3] || damages)) {
        for (int k = 0; k < has.length; k++) {
          has[k] = random.nextInt(3) < 2;
        }
      }
      if (has[2] && !has[0] && !has[1] && (!has[3] || damages)) {
        onlyBehindTheServer.add(digest);
      }
      for (int k = 0; k < has.length; k++) {
        if (has[k]) {
          byte[] stored = content.clone();
          if (k == 3 && damages) {
            stored[random.nextInt(stored.length)] ^= (byte) (1 << random.nextInt(8));
          }
          Path object = path(trees.get(k), digest);
          Files.createDirectories(object.getParent());
          Files.write(object, stored);
        }
      }
    }
    squashfs = Files.createDirectory(directory.resolve("squashfs"));
    served = Files.createDirectory(directory.resolve("served"));
    Path image = pack(trees.get(1));
    succeed("mount", "-t", "squashfs", "-o", "loop,ro", image.toString(), squashfs.toString());
    server =
        new ProcessBuilder("squashfuse", "-f", pack(trees.get(2)).toString(), served.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    for (int i = 0; i < 1000 && isEmpty(served); i++) {
      Thread.sleep(10);
    }
    assertThat(isEmpty(served)).isFalse();
    signal("STOP");
  }

  @AfterEach
  void unmount() throws Exception {
    if (server != null) {
      signal("CONT");
      Tool.run("umount", "-l", served.toString());
      if (!server.waitFor(10, TimeUnit.SECONDS)) {
        server.destroyForcibly();
      }
    }
    if (squashfs != null) {
      Tool.run("umount", squashfs.toString());
    }
  }

  private static Path path(Path objects, Digest digest) {
    return objects.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  private static boolean isEmpty(Path path) throws IOException {
    try (var files = Files.list(path)) {
      return files.findAny().isEmpty();
    }
  }

  private static void succeed(String... command) throws Exception {
    Tool.Result result = Tool.run(command);
    assertThat(result.status()).as(result.err()).isZero();
  }

  private static Path pack(Path tree) throws Exception {
    Path image = tree.resolveSibling(tree.getFileName() + ".squashfs");
    succeed(
        "mksquashfs", tree.toString(), image.toString(), "-noappend", "-quiet", "-comp", "gzip");
    return image;
  }

  private void signal(String name) throws Exception {
    succeed("kill", "-" + name, Long.toString(server.pid()));
  }

  private List<Member> members() throws IOException {
    Platform platform = Platform.best();
    return List.of(
        Member.opened("served", HashAlgorithm.SHA256, () -> open(platform, served)),
        new Member("damaged", open(platform, directory.resolve("damaged")), false),
        // On a busy machine these would seem to stall too.
        new Member("squashfs", open(platform, squashfs), false),
        new Member("plain", open(platform, directory.resolve("plain")), false));
  }

  private static ObjectStore open(Platform platform, Path path) throws IOException {
    return ReadOnlyObjectStore.open(platform, path, HashAlgorithm.SHA256);
  }

  private void assertReadsRight(ObjectStore store, Digest digest) throws IOException {
    byte[] content = contents.get(digest);
    try (ObjectReader reader = store.open(digest)) {
      assertThat(reader.size()).isEqualTo(content.length);
      byte[] read = new byte[content.length];
      assertThat(reader.read(0, read, 0, read.length)).isEqualTo(read.length);
      assertThat(read).isEqualTo(content);
    }
  }

  /** {@return how many objects could not be read since their only source does not answer} */
  private int readAll(ObjectStore store) throws Exception {
    List<Future<Integer>> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int thread = 0; thread < 4; thread++) {
        int first = thread;
        results.add(
            threads.submit(() -> {
              int refused = 0;
              List<Digest> digests = List.copyOf(contents.keySet());
              for (int i = first; i < digests.size(); i += 4) {
                try {
                  assertReadsRight(store, digests.get(i));
                } catch (StoreUnavailableException e) {
                  assertThat(onlyBehindTheServer).contains(digests.get(i));
                  refused++;
                }
              }
              return refused;
            }));
      }
    }
    int refused = 0;
    for (Future<Integer> result : results) {
      refused += result.get();
    }
    return refused;
  }

  @Test
  void everyFileReadsRight() throws Exception {
    assertThat(onlyBehindTheServer).isNotEmpty();
    try (UnionObjectStore union = new UnionObjectStore(members(), UnionOptions.defaults())) {
      long start = System.nanoTime();
      assertThat(readAll(union)).isEqualTo(onlyBehindTheServer.size());
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      SourceStatus stalled = union.status().getFirst();
      assertThat(stalled.trouble()).contains("no answer within 2000 ms");
      assertThat(stalled.timeouts()).isBetween(1L, 4L);
      assertThat(union.status().get(1).corrupt()).isPositive();
      assertThat(took).isGreaterThan(Duration.ofMillis(1990));
      assertThat(sourceThreads()).isLessThan(60);

      signal("CONT");
      for (int i = 0; i < 1000 && union.status().getFirst().trouble() != null; i++) {
        Thread.sleep(10);
      }
      assertThat(readAll(union)).isZero();
      assertThat(union.status().getFirst().hits()).isPositive();
    }
    for (int i = 0; i < 1000 && sourceThreads() > 0; i++) {
      Thread.sleep(10);
    }
    assertThat(sourceThreads()).as("threads left behind").isZero();
  }

  private static long sourceThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("composefs-source"))
        .count();
  }

  @Test
  void promotionCompletesTheFirstStore() throws Exception {
    Path first = directory.resolve("first");
    try (LocalObjectStore local =
        LocalObjectStore.open(
            Platform.best(),
            first,
            HashAlgorithm.SHA256,
            new StorePolicy(false, true, StorePolicy.Transfer.COPY))) {
      List<Member> members = new ArrayList<>(members());
      members.addFirst(new Member("first", local, false));
      UnionObjectStore union =
          new UnionObjectStore(members, UnionOptions.defaults().withPromotion(local));
      assertThat(readAll(union)).isEqualTo(onlyBehindTheServer.size());
      signal("CONT");
      for (int i = 0; i < 1000 && union.status().get(1).trouble() != null; i++) {
        Thread.sleep(10);
      }
      assertThat(readAll(union)).isZero();
      union.close();
    }
    for (Map.Entry<Digest, byte[]> object : contents.entrySet()) {
      assertThat(path(first, object.getKey())).hasBinaryContent(object.getValue());
    }
  }
}
