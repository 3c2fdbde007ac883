package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Single names, parts of directories and single xattrs, as a file system server asks for them. */
class DirectoryAccessTest {
  private static List<byte[]> names(DirentCursor cursor) throws IOException {
    List<byte[]> names = new ArrayList<>();
    while (cursor.next()) {
      names.add(cursor.name());
    }
    return names;
  }

  @Test
  void findsEveryNameOfALargeDirectoryAndNoOther() throws IOException {
    TreeBuilder tree = new TreeBuilder().dir("/d");
    for (int i = 0; i < 3000; i++) {
      tree.file("/d/" + "n".repeat(1 + i % 40) + i + "~", "");
    }
    try (ErofsImage image = TestImages.open(TestImages.write(tree.tree(), ImageOptions.DEFAULT))) {
      ImageInode directory = image.root().lookup(FileName.encode("d"));
      assertThat(directory).isNotNull();
      assertThat(directory.parentNid()).isEqualTo(image.root().nid());
      DirentCursor cursor = directory.entries();
      int count = 0;
      while (cursor.next()) {
        count++;
        ImageInode found = directory.lookup(cursor.name());
        assertThat(found).isNotNull();
        assertThat(found.nid()).isEqualTo(cursor.nid());
        assertThat(directory.lookup(Arrays.copyOf(cursor.name(), cursor.nameLength() + 1)))
            .isNull();
        assertThat(directory.lookup(Arrays.copyOf(cursor.name(), cursor.nameLength() - 1)))
            .isNull();
      }
      assertThat(count).isEqualTo(3000);
      assertThat(directory.lookup(FileName.encode("."))).isNull();
      assertThat(directory.lookup(FileName.encode(".."))).isNull();
      assertThat(directory.lookup(FileName.encode("\uffff"))).isNull();
      assertThat(directory.lookup(new byte[0])).isNull();
    }
  }

  @Test
  void goesOnAtEveryPosition() throws IOException {
    TreeBuilder tree = new TreeBuilder().dir("/d");
    for (int i = 0; i < 500; i++) {
      tree.file("/d/" + "x".repeat(i % 50) + i, "");
    }
    try (ErofsImage image = TestImages.open(TestImages.write(tree.tree(), ImageOptions.DEFAULT))) {
      ImageInode directory = image.root().lookup(FileName.encode("d"));
      assertThat(directory).isNotNull();
      List<byte[]> all = names(directory.entries());
      DirentCursor cursor = directory.entries();
      for (int done = 1; cursor.next(); done++) {
        List<byte[]> rest = names(directory.entries(cursor.position()));
        assertThat(rest).containsExactly(all.subList(done, all.size()).toArray(byte[][]::new));
      }
      for (long wild : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, directory.size(), 4000}) {
        assertThat(names(directory.entries(wild)).size()).isLessThan(all.size());
      }
    }
  }

  @Test
  void findsStoredXattrs() {
    Seeds.forEach(
        30,
        random -> {
          byte[] bytes = TestImages.write(RandomTrees.unusual(random), ImageOptions.DEFAULT);
          try (ErofsImage image = TestImages.open(bytes)) {
            ImageWalk walk = new ImageWalk(image);
            while (walk.next()) {
              XattrCursor all = walk.inode().xattrs();
              while (all.next()) {
                XattrCursor one = walk.inode().xattrs();
                assertThat(one.find(all.name())).isTrue();
                assertThat(one.value()).isEqualTo(all.value());
                byte[] longer = Arrays.copyOf(all.name(), all.nameLength() + 1);
                longer[all.nameLength()] = 'x';
                assertThat(walk.inode().xattrs().find(longer)).isFalse();
              }
              assertThat(walk.inode().xattrs().find(FileName.encode("security.none"))).isFalse();
            }
          }
        });
  }
}
