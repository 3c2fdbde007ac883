package io.github.composefs4j.bench;

import io.github.composefs4j.core.dump.DumpOptions;
import io.github.composefs4j.core.dump.DumpReader;
import io.github.composefs4j.core.dump.ImageText;
import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageSummary;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.tree.FileTree;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Dump parser, writer and reader: nanoseconds an inode. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@OperationsPerInvocation(ImageBenchmark.INODES)
public class ImageBenchmark {
  static final int INODES = 64_000;

  private static final ImageOptions NO_DIGEST =
      new ImageOptions(
          ImageOptions.DEFAULT.minVersion(), ImageOptions.DEFAULT.maxVersion(), null);

  private byte[] dump;
  private FileTree tree;
  private Path image;

  @Setup
  public void prepare() throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    LargeDump.write(INODES, false, text);
    dump = text.toByteArray();
    tree = parseDump();
    image = Files.createTempFile("bench", ".cfs");
    try (FileChannel out = FileChannel.open(image, StandardOpenOption.WRITE)) {
      ImageWriter.write(tree, NO_DIGEST, out);
    }
  }

  @TearDown
  public void remove() throws IOException {
    Files.delete(image);
  }

  @Benchmark
  public FileTree parseDump() throws IOException {
    return DumpReader.read(
        Channels.newChannel(new ByteArrayInputStream(dump)), "dump", DumpOptions.DEFAULT);
  }

  @Benchmark
  public ImageSummary writeImage() throws IOException {
    return ImageWriter.write(tree, NO_DIGEST, nowhere());
  }

  @Benchmark
  public ImageSummary writeImageWithDigest() throws IOException {
    return ImageWriter.write(tree, ImageOptions.DEFAULT, nowhere());
  }

  @Benchmark
  public void checkImage() throws IOException {
    try (ErofsImage open = ErofsImage.open(image)) {
      open.check();
    }
  }

  @Benchmark
  public void dumpImage() throws IOException {
    try (ErofsImage open = ErofsImage.open(image)) {
      ImageText.dump(open, null, OutputStream.nullOutputStream());
    }
  }

  @Benchmark
  public void listImage() throws IOException {
    try (ErofsImage open = ErofsImage.open(image)) {
      ImageText.list(open, null, OutputStream.nullOutputStream());
    }
  }

  private static WritableByteChannel nowhere() {
    return Channels.newChannel(OutputStream.nullOutputStream());
  }
}
