package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.transform.BootTransform;
import io.github.composefs4j.core.transform.ContainerTransform;
import io.github.composefs4j.core.transform.ContainerTransform.Xattrs;
import io.github.composefs4j.core.transform.FileContents;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sample tree, scanned and transformed, has the ids that cfsctl computes. */
class TransformTest {
  @TempDir Path directory;

  @Test
  void givesEveryIdAndDumpOfTheSampleTree() throws Exception {
    Requirements.root();
    Path root = Files.createDirectory(directory.resolve("tree"));
    Path tar = Files.write(directory.resolve("tree.tar"), Vectors.bytes("repositories/tree.tar"));
    Tool.Result unpacked =
        Tool.run(
            "tar",
            "-C",
            root.toString(),
            "--xattrs",
            "--xattrs-include=*",
            "--acls",
            "--numeric-owner",
            "-xpf",
            tar.toString());
    assertThat(unpacked.err()).isEmpty();
    for (String[] row : Vectors.rows("repositories/tree-ids.tsv")) {
      HashAlgorithm algorithm = HashAlgorithm.valueOf(row[0].toUpperCase(Locale.ROOT));
      FormatVersion version = FormatVersion.of(Integer.parseInt(row[1]));
      FileTree tree = transformed(root, algorithm, row[2]);
      Digest id =
          ImageWriter.write(
                  tree,
                  ImageOptions.of(version).withDigest(algorithm),
                  Channels.newChannel(OutputStream.nullOutputStream()))
              .digest();
      assertThat(id.hex()).as(String.join(" ", row)).isEqualTo(row[3]);
    }
    for (String[] sample :
        new String[][] {
          {"tree.dump", ""},
          {"tree-raw.dump", "--no-propagate-usr-to-root"},
          {"tree-bootable.dump", "--bootable"}
        }) {
      ByteArrayOutputStream dump = new ByteArrayOutputStream();
      DumpWriter.write(
          transformed(root, HashAlgorithm.SHA256, sample[1]), DumpWriter.Links.BARE, dump);
      assertThat(dump.toString(StandardCharsets.ISO_8859_1))
          .as(sample[0])
          .isEqualTo(
              new String(Vectors.bytes("repositories/" + sample[0]), StandardCharsets.ISO_8859_1));
    }
  }

  private static FileTree transformed(Path root, HashAlgorithm algorithm, String options)
      throws Exception {
    Platform platform = Platform.best();
    ScanOptions all = ScanOptions.defaults();
    ScanOptions scan =
        new ScanOptions(all.threads(), algorithm, all.xattrs(), all.hardLinks(), false, false);
    FileTree tree = Scanner.scan(platform, root, true, scan, null, ScanProgress.NONE);
    if (!options.contains("--no-propagate-usr-to-root")) {
      tree =
          ContainerTransform.apply(
              tree, options.contains("keep-user") ? Xattrs.KEEP_USER : Xattrs.ALLOW_LIST);
    }
    return options.contains("--bootable")
        ? BootTransform.apply(tree, FileContents.of(platform, root))
        : tree;
  }
}
