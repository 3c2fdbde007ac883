package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole directories become images and objects; what the kernel then shows equals them. Further
 * directories, such as the machine's {@code /usr}, are given by {@code -Dtest.trees=DIR:DIR…}.
 */
class MountedTreeTest {
  @TempDir Path scratch;
  private Path objects;
  private final List<Path> mounts = new ArrayList<>();

  @BeforeEach
  void require() {
    Requirements.root();
    objects = scratch.resolve("objects");
  }

  @AfterEach
  void unmount() throws IOException {
    for (Path mount : mounts) {
      KernelMount.unmount(mount, true);
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

  private Path mounted(String name, Path source) throws Exception {
    Path image = image(name, source);
    Path target = Files.createDirectory(scratch.resolve(name + ".mnt"));
    KernelMount.mount(MountOptions.of(image, List.of(objects)), target);
    mounts.add(target);
    return target;
  }

  @Test
  void everyKindOfFileIsShownAsItIs() throws Exception {
    Path source = SampleTree.make(scratch.resolve("source"));
    Path target = mounted("sample", source);
    assertEqual(source, target);
    assertThat(Files.getAttribute(target.resolve("sub/hard"), "unix:nlink")).isEqualTo(3);
    assertThat(attributes(target)).isEqualTo(attributes(source));
  }

  static List<Path> trees() {
    String given = System.getProperty("test.trees");
    List<Path> trees = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "legal")));
    if (given != null) {
      trees.clear();
      Arrays.stream(given.split(":")).map(Path::of).forEach(trees::add);
    }
    return trees;
  }

  @ParameterizedTest
  @MethodSource("trees")
  void theMountOfARealDirectoryEqualsIt(Path tree) throws Exception {
    Requirements.require(Files.isDirectory(tree), "the directory " + tree);
    Path target = mounted("real", tree);
    int entries = assertEqual(tree, target);
    System.out.println(tree + ": " + entries + " entries, mounted and equal");
  }

  /** {@return the number of entries compared} */
  static int assertEqual(Path source, Path target) throws Exception {
    Requirements.program("rsync");
    Requirements.program("mtree");
    Tool.Result rsync = Tool.run("rsync", "-aHAXnci", "--delete", source + "/", target + "/");
    assertThat(rsync.out()).isEmpty();
    assertThat(rsync.err()).isEmpty();
    assertThat(rsync.status()).isZero();
    List<String> found = find(source);
    assertThat(find(target)).isEqualTo(found);
    assertThat(hardLinks(target)).isEqualTo(hardLinks(source));
    assertLinkCounts(target);
    assertThat(mtree(target)).isEqualTo(mtree(source));
    return found.size();
  }

  /**
   * Everything but sizes and link counts of directories, which each file system has its own of. The
   * links of a file are its names here: a source may have others elsewhere.
   */
  private static List<String> find(Path directory) throws Exception {
    List<String> lines = new ArrayList<>();
    lines.addAll(find(directory, "-type", "d", "-printf", "%P %y %m %U %G %T@\\0"));
    List<String> files =
        find(directory, "!", "-type", "d", "-printf", "%D:%i %P %y %m %U %G %s %T@ %l\\0");
    Map<String, Integer> links = new HashMap<>();
    for (String file : files) {
      links.merge(file.substring(0, file.indexOf(' ')), 1, Integer::sum);
    }
    for (String file : files) {
      int space = file.indexOf(' ');
      lines.add(file.substring(space + 1) + " " + links.get(file.substring(0, space)));
    }
    lines.sort(null);
    return lines;
  }

  /** Checks that every file says it has as many links as it has names. */
  private static void assertLinkCounts(Path directory) throws Exception {
    Map<String, Integer> names = new HashMap<>();
    for (String file : find(directory, "!", "-type", "d", "-printf", "%i %n\\0")) {
      names.merge(file, 1, Integer::sum);
    }
    names.forEach((file, count) -> assertThat(file).endsWith(" " + count));
  }

  private static List<String> find(Path directory, String... what) throws Exception {
    List<String> command = new ArrayList<>(List.of("find", directory.toString()));
    command.addAll(List.of(what));
    Tool.Result result = Tool.run(command);
    assertThat(result.err()).isEmpty();
    return Arrays.asList(result.out().split("\0"));
  }

  private static TreeSet<String> hardLinks(Path directory) throws Exception {
    Map<String, TreeSet<String>> groups = new HashMap<>();
    for (String line : find(directory, "!", "-type", "d", "-links", "+1", "-printf", "%i %P\\0")) {
      int space = line.indexOf(' ');
      if (space > 0) {
        groups
            .computeIfAbsent(line.substring(0, space), _ -> new TreeSet<>())
            .add(line.substring(space + 1));
      }
    }
    TreeSet<String> all = new TreeSet<>();
    groups.values().removeIf(group -> group.size() == 1); // the others are elsewhere
    groups.values().forEach(group -> all.add(group.toString()));
    return all;
  }

  /** A digest of everything, by a program that is none of those that wrote or read the image. */
  private static String mtree(Path directory) throws Exception {
    Tool.Result result =
        Tool.run(
            "mtree",
            "-c",
            "-k",
            "type,mode,uid,gid,size,time,link,device,sha256",
            "-p",
            directory.toString());
    assertThat(result.status()).as(result.err()).isZero();
    StringBuilder spec = new StringBuilder();
    result.out().lines().filter(line -> !line.startsWith("#")).forEach(spec::append);
    return spec.toString();
  }

  /** The values too, which {@code rsync} compares but says little of. */
  static String attributes(Path directory) throws Exception {
    Requirements.program("getfattr");
    Tool.Result result =
        Tool.run(
            "sh",
            "-c",
            "cd \"$1\" && find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex",
            "sh",
            directory.toString());
    assertThat(result.out()).contains("trusted.composefs").contains("security.capability");
    return result.out();
  }
}
