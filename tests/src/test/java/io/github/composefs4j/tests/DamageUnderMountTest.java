package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.ProviderNotFoundException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Objects and images are damaged while they are in use, on several file systems, and read in every
 * way. {@code -Dtest.flips=N} sets how many damages there are on each.
 */
@Timeout(3600)
class DamageUnderMountTest {
  private static final int[] SIZES = {100, 4096, 40_001, 700_000, 1_500_003, 3_000_000};
  private static final List<String> WAYS = List.of("buffered", "direct", "mapped");

  /**
   * Reads a file after dropping what is cached of it, and tells whether all that came was right:
   * {@code equal}, {@code error} if there were errors besides, else what was wrong.
   */
  private static final String READER =
      """
      import errno, mmap, os, sys
      def pieces(fd, how, size):
          step = 65536
          buffer = mmap.mmap(-1, step)
          at = 0
          while True:
              try:
                  got = os.preadv(fd, [buffer], at)
              except OSError as e:
                  if e.errno != errno.EIO: raise
                  yield at, None
                  at += 4096
                  step = 4096
                  buffer = mmap.mmap(-1, step)
                  if at >= size: return
                  continue
              if got == 0: return
              yield at, buffer[:got]
              at += got
      def mapped(fd, want):
          pid = os.fork()
          if pid == 0:
              m = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
              if len(m) != len(want): os._exit(3)
              for at in range(0, len(m), 4096):
                  if m[at:at + 4096] != want[at:at + 4096]: os._exit(3)
              os._exit(0)
          status = os.waitpid(pid, 0)[1]
          if os.WIFSIGNALED(status): return 'error'
          return 'equal' if status == 0 else 'WRONG BYTES'
      def verdict(how, path, want):
          fd = os.open(path, os.O_RDONLY | (os.O_DIRECT if how == 'direct' else 0))
          try:
              os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
              if how == 'mapped': return mapped(fd, want)
              good, end = True, 0
              for at, piece in pieces(fd, how, len(want)):
                  if piece is None: good = False; continue
                  if piece != want[at:at + len(piece)]: return 'WRONG BYTES at %d' % at
                  end = at + len(piece)
              if good and end != len(want): return 'SHORT %d' % end
              return 'equal' if good else 'error'
          finally:
              os.close(fd)
      for line in sys.stdin:
          how, path, expected = line.rstrip('\\n').split('\\t')
          with open(expected, 'rb') as f: want = f.read()
          try: print(verdict(how, path, want), flush=True)
          except OSError as e: print('error' if e.errno == errno.EIO else e, flush=True)
      """;

  @TempDir Path scratch;
  private Path source;
  private Path target;
  private Path image;
  private Path objects;
  private Digest digest;
  private Process python;
  private BufferedReader answers;
  private Writer questions;
  private final List<MountedView> views = new ArrayList<>();

  @BeforeEach
  void makeFiles() throws Exception {
    Requirements.root();
    Requirements.program("python3");
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    source = Files.createDirectory(scratch.resolve("source"));
    target = Files.createDirectory(scratch.resolve("mnt"));
    for (int size : SIZES) {
      byte[] content = new byte[size];
      new Random(size).nextBytes(content);
      Files.write(source.resolve("f" + size), content);
    }
    python = new ProcessBuilder("python3", "-c", READER).start();
    answers = python.inputReader();
    questions = python.outputWriter();
  }

  @AfterEach
  void unmount() throws Exception {
    for (MountedView view : views) {
      view.close();
    }
    if (python != null) {
      python.destroy();
      python.waitFor();
    }
  }

  private void makeImage(Path directory) throws Exception {
    objects = directory.resolve("objects");
    image = directory.resolve("image.cfs");
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.status()).as(made.err()).isZero();
    digest = VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(image));
    Path object = object(SIZES[0]);
    Requirements.require(
        io.github.composefs4j.linux.KernelVerity.measure(object).isEmpty(),
        "a file system without fs-verity, so that objects can be damaged");
  }

  private Path object(int size) throws IOException {
    Digest of =
        VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(source.resolve("f" + size)));
    return objects.resolve(of.hex().substring(0, 2)).resolve(of.hex().substring(2));
  }

  private MountedView mount(MountMode mode, Verification verification) throws IOException {
    MountedView view =
        Mounts.mount(
            ViewOptions.of(image, List.of(objects)).with(mode, verification).withDigest(digest),
            target);
    views.add(view);
    return view;
  }

  private String read(String how, int size) throws IOException {
    questions.write(
        how + "\t" + target.resolve("f" + size) + "\t" + source.resolve("f" + size) + "\n");
    questions.flush();
    String answer = answers.readLine();
    assertThat(answer).as("an answer").isNotNull();
    return answer;
  }

  /** Something that happens to a file, and is undone. */
  private enum Damage {
    FLIP,
    TRUNCATION,
    GROWTH,
    SWAP,
    OTHER_FILE;

    static Damage of(int round) {
      return round % 10 < 6 ? FLIP : values()[round % 10 - 5];
    }

    void happen(Path file, Path other, Random random) throws IOException {
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        long size = channel.size();
        switch (this) {
          case FLIP -> {
            ByteBuffer one = ByteBuffer.allocate(1);
            long at = random.nextLong(size);
            channel.read(one, at);
            channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 1 << at % 8)}), at);
          }
          case TRUNCATION -> channel.truncate(random.nextLong(size));
          case GROWTH -> channel.write(ByteBuffer.allocate(1 + random.nextInt(9000)), size);
          case SWAP -> {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(Files.readAllBytes(other)), 0);
          }
          case OTHER_FILE -> {
            Path copy = Files.copy(other, file.resolveSibling("copy"));
            Files.move(copy, file, StandardCopyOption.ATOMIC_MOVE);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "tmpfs"})
  void noWrongByteIsEverRead(String type) throws Exception {
    int rounds = Integer.getInteger("test.flips", 30);
    Random random = new Random(17);
    int refused = 0;
    try (LoopFileSystem disk =
        type.equals("tmpfs")
            ? LoopFileSystem.tmpfs(scratch.resolve("disk"), "size=64m")
            : LoopFileSystem.make(type, scratch, 400)) {
      makeImage(disk.path());
      MountedView view = mount(MountMode.VERIFIED, null);
      FileSystem provider = provider();
      for (int round = 0; round < rounds; round++) {
        if (round % 25 == 24) { // objects that are damaged before anybody has read them
          view.close();
          provider.close();
          view = mount(MountMode.VERIFIED, null);
          provider = provider();
        }
        Damage damage = Damage.of(round);
        int size = SIZES[random.nextInt(SIZES.length)];
        Path hurt = random.nextInt(5) == 0 ? image : object(size);
        Path saved =
            Files.copy(hurt, scratch.resolve("saved"), StandardCopyOption.REPLACE_EXISTING);
        damage.happen(hurt, object(SIZES[(random.nextInt(SIZES.length))]), random);
        String how = WAYS.get(random.nextInt(WAYS.size()));
        String told = read(how, size);
        String what = "%s of %s, read %s, round %d".formatted(damage, hurt, how, round);
        assertThat(told).as(what).isIn("equal", "error");
        String inProcess = read(provider, size);
        assertThat(inProcess).as("provider: %s", what).isIn("equal", "error");
        if (hurt.equals(image)) {
          assertThat(told).as(what).isEqualTo("equal");
          assertThat(inProcess).as(what).isEqualTo("equal");
        }
        refused += told.equals("error") ? 1 : 0;
        // In place, as who has it open would see it.
        Files.write(hurt, Files.readAllBytes(saved));
        assertThat(read(how, size)).as("restored after %s", what).isEqualTo("equal");
        assertThat(read(provider, size)).as("restored after %s", what).isEqualTo("equal");
      }
      provider.close();
      view.close();
    }
    System.out.println(type + ": " + rounds + " damages, " + refused + " reads refused");
    assertThat(refused).isPositive();
  }

  private FileSystem provider() throws IOException {
    return FileSystems.newFileSystem(image, Map.of("objects", objects, "digest", digest.hex()));
  }

  private String read(FileSystem provider, int size) throws IOException {
    byte[] want = Files.readAllBytes(source.resolve("f" + size));
    byte[] got;
    try {
      got = Files.readAllBytes(provider.getPath("/f" + size));
    } catch (IOException e) {
      return "error";
    }
    return java.util.Arrays.equals(got, want) ? "equal" : "WRONG BYTES";
  }

  /** An image that is damaged is not mounted, whatever the damage. */
  @Test
  void aDamagedImageIsRefused() throws Exception {
    makeImage(scratch);
    byte[] whole = Files.readAllBytes(image);
    Random random = new Random(3);
    int rounds = Integer.getInteger("test.flips", 30);
    for (int round = 0; round < rounds; round++) {
      Damage damage = Damage.of(round);
      damage.happen(image, object(40_001), random);
      assertThatThrownBy(() -> mount(MountMode.VERIFIED, null))
          .as("%s in round %d", damage, round)
          .isInstanceOf(IOException.class);
      // What does not start as an image does is one to no provider.
      assertThatThrownBy(() -> provider().close())
          .isInstanceOfAny(IOException.class, ProviderNotFoundException.class);
      Files.write(image, whole);
    }
    assertThat(mount(MountMode.VERIFIED, null).isServed()).isTrue();
  }

  /**
   * docs/views.md: what is damaged before it is opened is refused; what comes later is not seen.
   */
  @Test
  void passthroughChecksWhatItOpens() throws Exception {
    makeImage(scratch);
    Random random = new Random(5);
    mount(MountMode.PASSTHROUGH, null);
    Path object = object(700_000);
    byte[] right = Files.readAllBytes(object);
    Damage.FLIP.happen(object, object, random);
    for (String way : WAYS) {
      assertThat(read(way, 700_000)).isEqualTo("error");
    }
    Files.write(object, right);
    assertThat(read("buffered", 700_000)).isEqualTo("equal");
    Damage.FLIP.happen(object, object, random);
    assertThat(read("buffered", 700_000)).startsWith("WRONG BYTES");
  }

  /** docs/views.md: nobody checks, so all damage is read with success. */
  @ParameterizedTest
  @ValueSource(strings = {"KERNEL", "OVERLAY", "PASSTHROUGH", "VERIFIED"})
  void withoutVerificationDamageIsRead(MountMode mode) throws Exception {
    makeImage(scratch);
    mount(mode, Verification.OFF);
    assertThat(read("buffered", 40_001)).isEqualTo("equal");
    Damage.FLIP.happen(object(40_001), object(40_001), new Random(9));
    assertThat(read("buffered", 40_001)).startsWith("WRONG BYTES");
  }
}
