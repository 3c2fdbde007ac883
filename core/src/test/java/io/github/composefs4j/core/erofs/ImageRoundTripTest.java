package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeAssert;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random trees come back from their images as they were, and give the same bytes again. */
class ImageRoundTripTest {
  private static final int TREES = Integer.getInteger("test.trees", 10_000);

  @Test
  void treesComeBackFromImages() {
    Seeds.forEach(
        TREES,
        random -> {
          FormatVersion version = FormatVersion.values()[random.nextInt(3)];
          FileTree tree =
              version == FormatVersion.V2
                  ? RandomTrees.version2(random)
                  : random.nextBoolean() ? RandomTrees.usual(random) : RandomTrees.unusual(random);
          byte[] image = TestImages.write(tree, ImageOptions.of(version));
          FileTree again = read(image, version);
          TreeAssert.assertSame(tree, again);
          // Where a link sorted before its inode's own entry the order of inodes changes once
          // (Q14).
          byte[] second = TestImages.write(again, ImageOptions.of(version));
          byte[] third = TestImages.write(read(second, version), ImageOptions.of(version));
          assertThat(Arrays.mismatch(third, second)).as("written twice").isEqualTo(-1);
          if (tree.inodes() == tree.entries() + 1) {
            assertThat(Arrays.mismatch(second, image)).as("written again").isEqualTo(-1);
          }
        });
  }

  /** The marks of V1 come on top of what the input was allowed to have (erofs-image.md 12.2). */
  @Test
  void aDirectoryFullOfXattrsMayHaveWhiteouts() throws Exception {
    byte[] name = {'n'};
    XattrSet full =
        new XattrSet.Builder().set(name, new byte[Limits.XATTR_BUDGET - 12 - 7 - 1]).build();
    Directory root = new Directory(Stat.of(0755), full);
    root.add(new byte[] {'w'}, Device.character(Stat.of(0), XattrSet.EMPTY, 0));
    byte[] image = TestImages.write(FileTree.of(root), ImageOptions.of(FormatVersion.V1));
    FileTree again = read(image, FormatVersion.V1);
    assertThat(again.root().xattrs().get(name)).isEqualTo(full.get(name));
    assertThat(TestImages.write(again, ImageOptions.of(FormatVersion.V1))).isEqualTo(image);
  }

  /** Readers refuse it (erofs-image.md 12.3, W3); in V0 and V1 a whiteout is a regular file. */
  @Test
  void aWhiteoutWithTwoNamesIsNoVersion2Image() throws Exception {
    Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
    Device whiteout = Device.character(Stat.of(0), XattrSet.EMPTY, 0);
    root.add(new byte[] {'a'}, whiteout);
    root.link(new byte[] {'b'}, whiteout);
    FileTree tree = FileTree.of(root);
    assertThatThrownBy(() -> TestImages.write(tree, ImageOptions.of(FormatVersion.V2)))
        .isInstanceOf(InvalidTreeException.class)
        .hasMessageContaining("whiteout");
    FileTree again =
        read(TestImages.write(tree, ImageOptions.of(FormatVersion.V1)), FormatVersion.V1);
    assertThat(again.root().child(1)).isSameAs(again.root().child(0));
  }

  /** Digests of the reference; kernels read a target that lies in one block, up to 4,064 bytes. */
  @ParameterizedTest
  @CsvSource({
    "1025, 26f8868123de56a0595d86964597e6536536819a73ce6d1a61bacf995d5df4a0",
    "2000, 676f550adf503f998ccd90c03fa9d9d6cbbfaca1f3f448136d24aa56372c51c3",
    "4000, 21528b4b36be01722ea74cdae11c3cc22c446c5759102690754fc28c50aad3f3",
    "4064, 1cfb8356defbcb1a3cb02677a21505e2079c536a39821125ee9f155003c0179d"
  })
  void longSymlinksOfVersion2AreTheReferences(int length, String digest) throws Exception {
    Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
    byte[] target = FileName.encode("x".repeat(length));
    root.add(new byte[] {'l'}, new Symlink(Stat.of(0777), XattrSet.EMPTY, target));
    FileTree tree = FileTree.of(root);
    byte[] image = TestImages.write(tree, ImageOptions.of(FormatVersion.V2));
    assertThat(VerityHasher.digest(HashAlgorithm.SHA256, image)).hasToString(digest);
    TreeAssert.assertSame(tree, read(image, FormatVersion.V2));
  }

  @Test
  void aSymlinkThatKernelsCouldNotReadIsNoVersion2Image() throws Exception {
    Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
    byte[] target = FileName.encode("x".repeat(4065));
    root.add(new byte[] {'l'}, new Symlink(Stat.of(0777), XattrSet.EMPTY, target));
    FileTree tree = FileTree.of(root);
    assertThatThrownBy(() -> TestImages.write(tree, ImageOptions.of(FormatVersion.V2)))
        .isInstanceOf(InvalidTreeException.class)
        .hasMessageContaining("4065 bytes");
    TreeAssert.assertSame(
        tree, read(TestImages.write(tree, ImageOptions.of(FormatVersion.V1)), FormatVersion.V1));
  }

  /** Every file shares one attribute with all others and has one that no other has. */
  @Test
  void manyDistinctXattrsComeBack() throws Exception {
    Directory root = new Directory(Stat.of(0755), XattrSet.EMPTY);
    for (int i = 0; i < 3_000; i++) {
      byte[] number = Integer.toString(i).getBytes(StandardCharsets.US_ASCII);
      XattrSet xattrs =
          new XattrSet.Builder()
              .set(FileName.encode("security.selinux"), FileName.encode("label"))
              .set(FileName.encode("trusted.overlay.x"), number)
              .build();
      root.add(number, RegularFile.empty(Stat.of(0644), xattrs));
    }
    FileTree tree = FileTree.of(root);
    for (FormatVersion version : FormatVersion.values()) {
      byte[] image = TestImages.write(tree, ImageOptions.of(version));
      TreeAssert.assertSame(tree, read(image, version));
    }
  }

  private static FileTree read(byte[] bytes, FormatVersion version) throws IOException {
    try (ErofsImage image = TestImages.open(bytes)) {
      assertThat(image.version()).isEqualTo(version);
      image.check();
      return image.toTree();
    }
  }
}
