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
import io.github.composefs4j.linux.MountException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Images mounted in every mode: the same tree, and what each mode promises. */
@Timeout(900)
class ViewTest {
  private static final int OPENDIR = 27;
  private static final int READ = 15;
  private static final int BLOCK = 4096;

  @TempDir Path scratch;
  private Path objects;
  private Path target;
  private final List<MountedView> views = new ArrayList<>();

  @BeforeEach
  void require() throws IOException {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    objects = Files.createDirectory(scratch.resolve("objects"));
    target = Files.createDirectory(scratch.resolve("mnt"));
  }

  @AfterEach
  void unmount() throws IOException {
    for (MountedView view : views.reversed()) {
      view.close();
    }
  }

  private Path image(String name, Path source) throws Exception {
    Path image = scratch.resolve(name + ".cfs");
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.err()).isEmpty();
    assertThat(made.status()).isZero();
    return image;
  }

  private MountedView mount(Path image, MountMode mode, Verification verification)
      throws IOException {
    MountedView view =
        Mounts.mount(ViewOptions.of(image, List.of(objects)).with(mode, verification), target);
    views.add(view);
    return view;
  }

  @ParameterizedTest
  @EnumSource(MountMode.class)
  void showsEveryKindOfFileAsItIs(MountMode mode) throws Exception {
    Path source = SampleTree.make(scratch.resolve("source"));
    Path image = image("sample", source);
    MountedView view = mount(image, mode, null);
    assertThat(view.mode()).isEqualTo(mode);
    assertThat(view.verification()).isNotNull();
    MountedTreeTest.assertEqual(source, target);
    assertThat(MountedTreeTest.attributes(target)).isEqualTo(MountedTreeTest.attributes(source));
    assertThat(view.statistics().failures()).isZero();
  }

  /** What {@code stat} and {@code df} say, beyond what a source can tell. */
  @Test
  void hasTheNumbersOfTheKernelsMount() throws Exception {
    Path source = SampleTree.make(scratch.resolve("source"));
    Path image = image("sample", source);
    List<String> stats = new ArrayList<>();
    for (MountMode mode : List.of(MountMode.KERNEL, MountMode.VERIFIED)) {
      MountedView view = mount(image, mode, null);
      Tool.Result stat =
          Tool.run(
              "sh",
              "-c",
              "cd \"$1\" && find . -type f -printf '%p %i %n %s %m %U %G %T@ %A@ %C@ %Y\\n' -o -printf '%p %n %s %m %U %G %T@ %A@ %C@ %Y\\n' | LC_ALL=C sort; stat -f -c '%a %b %f %d %c %l %S' .",
              "sh",
              target.toString());
      stats.add(stat.out());
      Tool.Result blocks =
          Tool.run(
              "sh",
              "-c",
              "cd \"$1\" && find . -type f -printf '%s %b\\n'",
              "sh",
              target.toString());
      if (mode == MountMode.VERIFIED) {
        blocks
            .out()
            .lines()
            .forEach(line -> {
              long size = Long.parseLong(line.substring(0, line.indexOf(' ')));
              assertThat(line).endsWith(" " + (size + BLOCK - 1) / BLOCK * 8);
            });
      }
      view.close();
    }
    assertThat(stats.get(1)).isEqualTo(stats.get(0));
  }

  @Test
  void aSecondWalkSendsNoRequest() throws Exception {
    Path source = Files.createDirectory(scratch.resolve("source"));
    for (int i = 0; i < 300; i++) {
      Path directory = Files.createDirectories(source.resolve("d" + i % 20));
      Files.writeString(directory.resolve("f" + i), "content ".repeat(100) + i);
      Files.createSymbolicLink(directory.resolve("l" + i), Path.of("f" + i));
    }
    MountedView view = mount(image("plain", source), MountMode.VERIFIED, null);
    String command = "tar cf - " + target + " | wc -c; ls -lR " + target + " | wc -l";
    // Whether there are xattrs at all is looked at beside, which takes its time on a busy machine.
    long sent = -1;
    for (int i = 0; i < 1000 && sent != 0; i++) {
      long before = view.statistics().requests();
      assertThat(Tool.run("sh", "-c", command).status()).isZero();
      sent = view.statistics().requests() - before;
      Thread.sleep(100);
    }
    assertThat(sent).isZero();
    assertThat(view.requests(OPENDIR)).isEqualTo(1);
    assertThat(view.requests(READ)).isBetween(300L, 400L);
  }

  @Test
  void keepsTheImageThatWasMounted() throws Exception {
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.writeString(source.resolve("file"), "hello");
    Path image = image("one", source);
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, Files.readAllBytes(image));
    MountedView view =
        Mounts.mount(
            ViewOptions.of(image, List.of(objects))
                .with(MountMode.VERIFIED, null)
                .withDigest(digest),
            target);
    views.add(view);
    byte[] bytes = Files.readAllBytes(image);
    Files.write(image, new byte[bytes.length]);
    assertThat(target.resolve("file")).hasContent("hello");
    assertThatThrownBy(() ->
            Mounts.mount(
                ViewOptions.of(image, List.of(objects))
                    .with(MountMode.VERIFIED, null)
                    .withDigest(digest),
                target))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(digest.hex());
  }

  @ParameterizedTest
  @EnumSource(MountMode.class)
  void isWritableWithAnUpperLayer(MountMode mode) throws Exception {
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.writeString(source.resolve("file"), "old ".repeat(500));
    Path image = image("one", source);
    Path upper = Files.createDirectory(scratch.resolve("upper"));
    Path work = Files.createDirectory(scratch.resolve("work"));
    MountedView view =
        Mounts.mount(
            ViewOptions.of(image, List.of(objects)).with(mode, null).withUpper(upper, work, true),
            target);
    views.add(view);
    Files.writeString(target.resolve("new"), "new");
    Files.writeString(target.resolve("file"), "added", java.nio.file.StandardOpenOption.APPEND);
    assertThat(target.resolve("file")).hasContent("old ".repeat(500) + "added");
    assertThat(upper.resolve("new")).hasContent("new");
  }

  /** {@code -Dtest.replaces=N} sets how often. */
  @ParameterizedTest
  @EnumSource(MountMode.class)
  void isReplacedWithNoMomentBetween(MountMode mode) throws Exception {
    Requirements.program("python3");
    List<Path> images = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Path source = Files.createDirectory(scratch.resolve("source" + i));
      Files.createDirectory(source.resolve("sub"));
      Files.writeString(source.resolve("sub/file"), "text of image " + i);
      images.add(image("image" + i, source));
    }
    mount(images.get(0), mode, null);
    Path stop = scratch.resolve("stop");
    Process watcher =
        new ProcessBuilder(
                "python3",
                "-c",
                """
                import os, sys
                n = 0
                print(flush=True)
                while not os.path.exists(sys.argv[2]):
                    for _ in range(50): os.stat(sys.argv[1])
                    n += 50
                print(n)
                """,
                target.resolve("sub/file").toString(),
                stop.toString())
            .redirectErrorStream(true)
            .start();
    assertThat(watcher.getInputStream().read()).isEqualTo('\n');
    int replaces = Integer.getInteger("test.replaces", 100);
    for (int i = 1; i <= replaces; i++) {
      views.add(
          Mounts.mount(
              ViewOptions.of(images.get(i % 2), List.of(objects))
                  .with(mode, null)
                  .withReplace(true),
              target));
      assertThat(target.resolve("sub/file")).hasContent("text of image " + i % 2);
    }
    Files.createFile(stop);
    String said =
        new String(
            watcher.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII);
    assertThat(watcher.waitFor()).as(said).isZero();
    assertThat(Integer.parseInt(said.strip())).isPositive();
    for (MountedView replaced : views.subList(0, replaces)) {
      replaced.await(); // or the time of the test is up
    }
    assertThat(views.getLast().isServed()).isEqualTo(mode != MountMode.KERNEL);
  }

  /** {@code -Dtest.mounts=N} sets how many there are, up to 100 of them at once. */
  @ParameterizedTest
  @EnumSource(MountMode.class)
  void mountsWithoutEndLeaveNothing(MountMode mode) throws Exception {
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.writeString(source.resolve("file"), "text ".repeat(100));
    Path image = image("one", source);
    int rounds = Integer.getInteger("test.mounts", 50);
    mountAndUnmount(image, mode, List.of(target), 10); // what is made once and stays
    Map<String, Integer> before = held();
    mountAndUnmount(image, mode, List.of(target), rounds);
    assertThat(held()).isEqualTo(before);
    List<Path> targets = new ArrayList<>();
    for (int i = 0; i < Math.min(100, rounds / 2); i++) {
      targets.add(Files.createDirectory(scratch.resolve("p" + i)));
    }
    mountAndUnmount(image, mode, targets, 1);
    assertThat(held()).isEqualTo(before);
  }

  private void mountAndUnmount(Path image, MountMode mode, List<Path> targets, int rounds)
      throws Exception {
    for (int i = 0; i < rounds; i++) {
      List<MountedView> together = new ArrayList<>();
      for (Path each : targets) {
        ViewOptions options = ViewOptions.of(image, List.of(objects)).with(mode, null);
        MountedView view = Mounts.mount(options, each);
        views.add(view);
        together.add(view);
      }
      for (Path each : targets) {
        assertThat(each.resolve("file")).hasContent("text ".repeat(100));
      }
      for (MountedView view : together) {
        view.close();
        view.await();
        views.remove(view);
      }
    }
  }

  /**
   * {@return what this process has open, by kind} Threads of mounts have ended, or this does not.
   * Files of the running program are not counted: which are open is the virtual machine's matter.
   */
  private static Map<String, Integer> held() throws Exception {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().matches("composefs (mnt|p[0-9]+|xattrs|state)")) {
        thread.join();
      }
    }
    Map<String, Integer> held = new TreeMap<>();
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      for (Path each : (Iterable<Path>) descriptors::iterator) {
        String what;
        try {
          what = Files.readSymbolicLink(each).toString();
        } catch (NoSuchFileException e) {
          continue; // that of this list
        }
        if (!what.endsWith(".jar") && !what.startsWith(System.getProperty("java.home"))) {
          held.merge(what.replaceAll("[0-9]+", "N"), 1, Integer::sum);
        }
      }
    }
    return held;
  }

  @Test
  void refusesWhatDoesNotGoTogetherAndWhatIsMissing() throws Exception {
    Path source = Files.createDirectory(scratch.resolve("source"));
    Path image = image("one", source);
    for (MountMode mode : MountMode.values()) {
      for (Verification verification : Verification.values()) {
        if (!mode.allows(verification)) {
          assertThatThrownBy(() -> mount(image, mode, verification))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining(mode.label())
              .hasMessageContaining(verification.label());
        }
      }
    }
    Path none = scratch.resolve("none");
    for (MountMode mode : MountMode.values()) {
      assertThatThrownBy(
              () -> Mounts.mount(ViewOptions.of(image, List.of(none)).with(mode, null), target))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("none");
      assertThatThrownBy(() ->
              Mounts.mount(
                  ViewOptions.of(image, List.of(objects)).with(mode, null),
                  scratch.resolve("no-target")))
          .isInstanceOf(IOException.class);
    }
    if (!io.github.composefs4j.linux.KernelVerity.isPossible(scratch)) {
      assertThatThrownBy(() -> mount(image, MountMode.KERNEL, Verification.KERNEL))
          .isInstanceOf(MountException.class)
          .hasMessageContaining("verity");
    }
  }
}
