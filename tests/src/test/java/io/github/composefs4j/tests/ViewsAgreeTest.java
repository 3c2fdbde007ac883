package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One image through all doors at once: nobody can tell them apart. */
@Timeout(900)
class ViewsAgreeTest {
  private static final LinkOption NOFOLLOW = LinkOption.NOFOLLOW_LINKS;

  @TempDir Path scratch;
  private Path objects;
  private final List<MountedView> views = new ArrayList<>();

  @BeforeEach
  void require() throws IOException {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    objects = Files.createDirectory(scratch.resolve("objects"));
  }

  @AfterEach
  void unmount() throws IOException {
    for (MountedView view : views) {
      view.close();
    }
  }

  private Map<MountMode, Path> mountEverywhere(Path image) throws IOException {
    Map<MountMode, Path> targets = new LinkedHashMap<>();
    for (MountMode mode : MountMode.values()) {
      Path target = Files.createDirectory(scratch.resolve(mode.label()));
      views.add(Mounts.mount(ViewOptions.of(image, List.of(objects)).with(mode, null), target));
      targets.put(mode, target);
    }
    return targets;
  }

  /** Metadata, links and content in one stream. */
  private static String tar(Path tree, String more) throws Exception {
    Tool.Result result =
        Tool.run(
            "sh",
            "-c",
            "cd \"$1\" && tar --create --sort=name --numeric-owner --acls --format=pax"
                + " --pax-option=delete=atime,delete=ctime --warning=no-file-ignored "
                + more
                + " . | sha256sum",
            "sh",
            tree.toString());
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.err()).isEmpty();
    return result.out();
  }

  @Test
  void tarStreamsAreThatOfTheSource() throws Exception {
    Requirements.program("tar");
    Path source = SampleTree.make(scratch.resolve("source"));
    Path image = scratch.resolve("image.cfs");
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.status()).as(made.err()).isZero();
    Map<MountMode, Path> targets = mountEverywhere(image);
    // Each file system lists xattrs in an order of its own.
    String expected = tar(source, "");
    String withXattrs = tar(targets.get(MountMode.KERNEL), "--xattrs --xattrs-include='*'");
    assertThat(withXattrs).isNotEqualTo(expected);
    for (Map.Entry<MountMode, Path> view : targets.entrySet()) {
      assertThat(tar(view.getValue(), "")).as(view.getKey().label()).isEqualTo(expected);
      assertThat(tar(view.getValue(), "--xattrs --xattrs-include='*'"))
          .as("%s with xattrs", view.getKey().label())
          .isEqualTo(withXattrs);
    }
    for (Path first : targets.values()) {
      for (Path second : targets.values()) {
        Tool.Result rsync = Tool.run("rsync", "-aHAXnci", "--delete", first + "/", second + "/");
        assertThat(rsync.out() + rsync.err()).as("%s and %s", first, second).isEmpty();
      }
    }
  }

  /**
   * Versions 0 and 1 store a whiteout as a file with a mark, which is what is seen. Version 2
   * stores it as it is, and the overlay of the kernel's mount takes it for its own: nothing is
   * there.
   */
  @ParameterizedTest
  @EnumSource(FormatVersion.class)
  void whiteoutsAreTheSameEverywhere(FormatVersion version) throws Exception {
    Path image = scratch.resolve("image.cfs");
    Files.write(
        image,
        TestImages.write(
            new TreeBuilder()
                .dir("/sub")
                .file("/sub/file", "text")
                .whiteout("/sub/gone")
                .whiteout("/gone")
                .whiteout("/00")
                .dir("/empty")
                .whiteout("/empty/gone")
                .tree(),
            ImageOptions.of(version)));
    Map<String, TreeSet<String>> found = new LinkedHashMap<>();
    try (FileSystem system = FileSystems.newFileSystem(image, Map.of("objects", objects))) {
      found.put("provider", names(system.getPath("/")));
    }
    for (Map.Entry<MountMode, Path> view : mountEverywhere(image).entrySet()) {
      found.put(view.getKey().label(), names(view.getValue()));
    }
    TreeSet<String> expected = found.get("kernel");
    assertThat(expected).contains("sub/file file 4");
    found.forEach((view, names) -> assertThat(names).as(view).isEqualTo(expected));
  }

  /** What of these names is there, whatever a listing says. */
  private static TreeSet<String> names(Path root) throws IOException {
    TreeSet<String> names = new TreeSet<>();
    for (String name :
        List.of("sub/file", "sub/gone", "gone", "00", "01", "ff", "empty", "empty/gone")) {
      Path path = root.resolve(name);
      if (Files.exists(path, NOFOLLOW)) {
        names.add(
            name + (Files.isRegularFile(path, NOFOLLOW) ? " file " + Files.size(path) : " other"));
      }
    }
    try (var listed = Files.list(root)) {
      listed.forEach(path -> names.add("listed " + path.getFileName()));
    }
    return names;
  }
}
