package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FindingType;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.linux.LinuxPlatform;
import io.github.composefs4j.linux.MountTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A collection keeps what is mounted, and removes nothing if it cannot tell what that is. */
@Timeout(900)
class MountedImagesTest {
  private static final int FILES = 20;

  @TempDir Path directory;
  private Path path;
  private Path target;
  private Repository repository;
  private Digest image;

  @BeforeEach
  void makeRepositoryWithAnImage() throws Exception {
    Requirements.root();
    path = directory.resolve("repository");
    target = Files.createDirectory(directory.resolve("mnt"));
    repository = repository(path);
    image = addImage(repository);
  }

  private static Repository repository(Path path) throws IOException {
    LinuxPlatform platform = new LinuxPlatform();
    Repository.init(
        platform,
        path,
        RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V1),
        new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    return Repository.open(platform, path, OpenOptions.DEFAULT);
  }

  private Digest addImage(Repository to) throws IOException {
    Path source = Files.createDirectories(directory.resolve("source"));
    for (int i = 0; i < FILES; i++) {
      Files.writeString(source.resolve("f" + i), ("content " + i + " ").repeat(20));
    }
    try (Transaction transaction = to.begin()) {
      FileTree tree = transaction.scan(source, false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest added = transaction.putImage(tree, "tag").getFirst().digest();
      transaction.commit();
      return added;
    }
  }

  @AfterEach
  void unmount() throws IOException {
    repository.close();
    for (MountTable.Entry each : MountTable.read().entries().reversed()) {
      if (each.point().startsWith(directory.toString())) {
        Mounts.unmount(Path.of(each.point()), true);
      }
    }
  }

  private Path objects() {
    return path.resolve("objects");
  }

  private static void runs(Tool.Result result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }

  private GcResult untagAndCollect() throws IOException {
    repository.removeRef(Category.IMAGES, "tag");
    return repository.collect(GcOptions.defaults());
  }

  private void assertAllIsReadable() throws IOException {
    for (int i = 0; i < FILES; i++) {
      assertThat(target.resolve("f" + i)).hasContent(("content " + i + " ").repeat(20));
    }
  }

  private void assertAllIsCollectedAfterwards() throws Exception {
    Mounts.unmount(target, false);
    // A process in a mount namespace of its own may have a copy of the mount for a while.
    GcResult result = repository.collect(GcOptions.defaults());
    for (int i = 0; i < 3000 && result.objects() == 0; i++) {
      Thread.sleep(100);
      result = repository.collect(GcOptions.defaults());
    }
    assertThat(result.findings()).isEmpty();
    assertThat(result.objects()).isEqualTo(FILES + 1);
    assertThat(repository.check(FsckOptions.defaults()).isOk()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"kernel", "verified", "passthrough", "overlay"})
  void whatIsMountedIsKept(String mode) throws Exception {
    runs(
        Tool.composefs(
            "composefs",
            "mount",
            "--own-server",
            "--repo=" + path,
            "--mode=" + mode,
            "refs/tag",
            target.toString()));
    GcResult result = untagAndCollect();
    assertThat(result.findings()).isEmpty();
    assertThat(result.objects()).isZero();
    assertAllIsReadable();
    assertAllIsCollectedAfterwards();
  }

  @Test
  void alsoWhereAnotherProcessAloneSeesIt() throws Exception {
    Requirements.program("unshare");
    Path image = objects().resolve(objectName());
    Process process =
        new ProcessBuilder(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "mount -t erofs -o loop,ro \"$1\" \"$2\""
                    + " && mount -t overlay \"composefs:$4\" -o"
                    + " \"ro,metacopy=on,redirect_dir=on,lowerdir=$2::$3\" \"$2\""
                    + " && echo mounted && read line",
                "sh",
                image.toString(),
                target.toString(),
                objects().toString(),
                this.image.hex())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(process.inputReader().readLine()).isEqualTo("mounted");
      GcResult result = untagAndCollect();
      assertThat(result.stopped()).isFalse();
      assertThat(result.objects()).isZero();
    } finally {
      process.destroyForcibly().waitFor();
    }
    assertThat(repository.collect(GcOptions.defaults()).objects()).isEqualTo(FILES + 1);
  }

  private String objectName() {
    return new String(image.objectPath(), StandardCharsets.US_ASCII);
  }

  /** An image file from elsewhere whose objects are here. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mount.composefs",
        "mount.fuse.composefs",
        "kernel",
        "verified",
        "passthrough",
        "overlay",
        "plain"
      })
  void whatCannotBeToldStopsTheSweep(String how) throws Exception {
    Path file = directory.resolve("image.cfs");
    Files.copy(objects().resolve(objectName()), file);
    switch (how) {
      case "mount.composefs", "mount.fuse.composefs" ->
          runs(
              Tool.composefs(
                  how, "-o", "basedir=" + objects(), file.toString(), target.toString()));
      case "plain" -> mountAsTheCToolDoes(file);
      default ->
          runs(
              Tool.composefs(
                  "composefs",
                  "mount",
                  "--own-server",
                  "--mode=" + how,
                  "--basedir=" + objects(),
                  file.toString(),
                  target.toString()));
    }
    GcResult result = untagAndCollect();
    assertThat(result.stopped()).isTrue();
    assertThat(result.objects()).isZero();
    assertThat(result.findings())
        .extracting(Finding::type, Finding::path)
        .contains(
            org.assertj.core.groups.Tuple.tuple(FindingType.MOUNT_UNKNOWN, target.toString()));
    assertAllIsReadable();
    try (Repository other = repository(directory.resolve("other"))) {
      addImage(other);
      other.removeRef(Category.IMAGES, "tag");
      GcResult unconcerned = other.collect(GcOptions.defaults());
      assertThat(unconcerned.findings()).isEmpty();
      assertThat(unconcerned.objects()).isEqualTo(FILES + 1);
    }
    assertAllIsCollectedAfterwards();
  }

  /** Its mounts have the source {@code composefs}. */
  private void mountAsTheCToolDoes(Path file) throws Exception {
    Path lower = Files.createDirectory(directory.resolve("lower"));
    LoopFileSystem.assertRuns(
        List.of("mount", "-t", "erofs", "-o", "loop,ro", file.toString(), lower.toString()));
    LoopFileSystem.assertRuns(
        List.of(
            "mount",
            "-t",
            "overlay",
            "composefs",
            "-o",
            "ro,metacopy=on,redirect_dir=on,lowerdir=" + lower + "::" + objects(),
            target.toString()));
  }
}
