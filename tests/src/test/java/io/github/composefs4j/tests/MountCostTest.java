package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A mount asks the same of the kernel for every size of image; {@code -Dtest.inodes} for a larger
 * one. Times are a matter of {@code bench/views}.
 */
class MountCostTest {
  private static final int SMALL = 1_000;
  private static final int LARGE = Integer.getInteger("test.inodes", 100_000);

  /** What a mount does; the rest of a process is the JVM's, and varies. */
  private static final String CALLS =
      "fsopen,fsconfig,fsmount,move_mount,mount_setattr,mount,umount2,fstatfs,ioctl";

  @TempDir Path directory;

  @Test
  @Timeout(900)
  void theSameCallsForEverySize() throws Exception {
    Requirements.root();
    Requirements.program("strace");
    Path objects = Files.createDirectory(directory.resolve("objects"));
    Path target = Files.createDirectory(directory.resolve("mnt"));
    Path small = image(SMALL);
    Path large = image(LARGE);
    Map<String, Integer> calls = calls(small, objects, target);
    assertThat(calls).containsKeys("fsopen", "fsmount", "move_mount");
    assertThat(calls(large, objects, target)).isEqualTo(calls);
  }

  private Path image(int inodes) throws Exception {
    Path dump = directory.resolve(inodes + ".dump");
    try (BufferedWriter out = Files.newBufferedWriter(dump)) {
      out.write("/ 0 40755 2 0 0 0 0.0 - - -\n");
      String digest = "0123456789abcdef".repeat(4);
      for (int i = 0; i < inodes - 1; i++) {
        if (i % 100 == 0) {
          out.write("/d" + i + " 0 40755 2 0 0 0 0.0 - - -\n");
        } else {
          int parent = i - i % 100;
          out.write(
              "/d%d/f%d 1000 100644 1 0 0 0 1.0 01/%s - %s%n"
                  .formatted(parent, i, digest.substring(2), digest));
        }
      }
    }
    Path image = directory.resolve(inodes + ".cfs");
    Tool.Result made =
        Tool.composefs("mkcomposefs", "--from-file", dump.toString(), image.toString());
    assertThat(made.err()).isEmpty();
    return image;
  }

  private Map<String, Integer> calls(Path image, Path objects, Path target) throws Exception {
    Path log = directory.resolve("strace");
    List<String> command =
        new ArrayList<>(List.of("strace", "-f", "-c", "-o", log.toString(), "-e", CALLS));
    command.addAll(
        Tool.command(
            "mount.composefs", "-o", "basedir=" + objects, image.toString(), target.toString()));
    Tool.Result mounted = Tool.run(command);
    KernelMount.unmount(target, false);
    assertThat(mounted.status()).as(mounted.err()).isZero();
    Map<String, Integer> calls = new TreeMap<>();
    for (String line : Files.readAllLines(log)) {
      String[] words = line.strip().split(" +");
      if (words.length >= 5 && words[3].matches("\\d+") && !line.contains("total")) {
        calls.put(words[words.length - 1], Integer.parseInt(words[3]));
      }
    }
    return calls;
  }
}
