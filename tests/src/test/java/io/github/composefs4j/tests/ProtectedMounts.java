package io.github.composefs4j.tests;

import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
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
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Objects that the kernel protects, damaged and read through mounts in every mode; a part of {@link
 * RealVerity}. What must come of each is the tables' of docs/views.md.
 */
final class ProtectedMounts {
  private static final int BLOCK = 4096;
  private static final int BAD = 50;

  /** What a kernel reads in one piece at most, in blocks: an error is one of all of it. */
  private static final int PIECE = 32;

  /** What is done to the object of a file that is named for it. */
  private enum Damage {
    NONE,
    BIT_ON_DISK,
    PLAIN_COPY,
    OTHER_CONTENT,
    OTHER_PROTECTED,
    SHORTENED;

    String file() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  private enum Outcome {
    EQUAL,
    /** The right bytes, but for errors at the bad block and what was read together with it. */
    REFUSED_THERE,
    REFUSED,
    WRONG
  }

  private final Path device;
  private final Path work;
  private final Path store;
  private final Path image;
  private final Path target;
  private final Map<Damage, byte[]> contents = new TreeMap<>();
  private final Digest digest;

  private ProtectedMounts(Path work, Path device) throws IOException {
    this.device = device;
    this.work = Files.createDirectory(work.resolve("protected"));
    store = this.work.resolve("objects");
    image = this.work.resolve("image.cfs");
    target = Files.createDirectory(this.work.resolve("mnt"));
    Path source = Files.createDirectory(this.work.resolve("source"));
    for (Damage each : Damage.values()) {
      byte[] content = new byte[100 * BLOCK + 7];
      new Random(1000 + each.ordinal()).nextBytes(content);
      contents.put(each, content);
      Files.write(source.resolve(each.file()), content);
    }
    try (LocalObjectStore objects =
            LocalObjectStore.open(Platform.best(), store, HashAlgorithm.SHA256);
        FileChannel out =
            FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      digest =
          ImageWriter.write(
                  Scanner.scan(
                      Platform.best(),
                      source,
                      false,
                      ScanOptions.defaults(),
                      objects,
                      ScanProgress.NONE),
                  ImageOptions.DEFAULT,
                  out)
              .digest();
      objects.sync();
    }
    protect(this.work, "image.cfs");
  }

  /** Runs all. */
  static void run(Path work, Path device) throws IOException {
    ProtectedMounts mounts = new ProtectedMounts(work, device);
    mounts.everyModeShows(null);
    mounts.damage();
    for (Verification each : Verification.values()) {
      mounts.everyModeShows(each);
    }
  }

  private static Outcome expected(
      MountMode mode, @Nullable Verification verification, Damage damage) {
    if (verification == null) {
      return Outcome.EQUAL; // nothing is damaged yet
    }
    boolean off = verification == Verification.OFF;
    return switch (damage) {
      case NONE -> Outcome.EQUAL;
      // The kernel's check stays, whoever else checks.
      case BIT_ON_DISK -> Outcome.REFUSED_THERE;
      case PLAIN_COPY -> verification == Verification.KERNEL ? Outcome.REFUSED : Outcome.EQUAL;
      case OTHER_CONTENT, OTHER_PROTECTED -> off ? Outcome.WRONG : Outcome.REFUSED;
      // Our server looks at sizes whatever else it does.
      case SHORTENED ->
          off && (mode == MountMode.KERNEL || mode == MountMode.OVERLAY)
              ? Outcome.WRONG
              : Outcome.REFUSED;
    };
  }

  private Path object(Damage of) {
    Digest name = VerityHasher.digest(HashAlgorithm.SHA256, contents.get(of));
    return store.resolve(new String(name.objectPath(), StandardCharsets.US_ASCII));
  }

  private static void protect(Path directory, String name) throws IOException {
    try (StoreDirectory opened = Platform.best().openExistingStore(directory);
        HostFile file = opened.open(name.getBytes(StandardCharsets.US_ASCII))) {
      opened.protect(file, HashAlgorithm.SHA256);
    }
  }

  private void damage() throws IOException {
    byte[] other = contents.get(Damage.NONE).clone();
    other[70_000] ^= 1;
    replace(Damage.PLAIN_COPY, contents.get(Damage.PLAIN_COPY));
    replace(Damage.OTHER_CONTENT, other);
    replace(Damage.OTHER_PROTECTED, other);
    Path twin = object(Damage.OTHER_PROTECTED);
    protect(twin.getParent(), twin.getFileName().toString());
    replace(Damage.SHORTENED, Arrays.copyOf(contents.get(Damage.SHORTENED), 60 * BLOCK));
    RealVerity.damageOnDisk(work, device, contents.get(Damage.BIT_ON_DISK), BAD);
  }

  private void replace(Damage of, byte[] content) throws IOException {
    Path copy = Files.write(work.resolve("copy"), content);
    Files.move(copy, object(of), StandardCopyOption.REPLACE_EXISTING);
  }

  private void everyModeShows(@Nullable Verification verification) throws IOException {
    for (MountMode mode : MountMode.values()) {
      if (verification != null && !mode.allows(verification)) {
        continue;
      }
      Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
      ViewOptions options =
          ViewOptions.of(image, List.of(store)).with(mode, verification).withDigest(digest);
      try (MountedView view = Mounts.mount(options, target)) {
        String how = "mode " + mode.label() + ", verification " + view.verification().label();
        if (verification == null && (mode == MountMode.KERNEL || mode == MountMode.OVERLAY)) {
          RealVerity.check(view.verification() == Verification.KERNEL, how + " by default");
        }
        for (Damage each : Damage.values()) {
          Outcome outcome = read(each);
          RealVerity.check(
              outcome == expected(mode, verification, each),
              how + ": " + each.file() + " is " + outcome);
        }
      } catch (MountException e) {
        boolean tooOld = mode == MountMode.OVERLAY && e.getMessage().contains("Linux 6.15");
        RealVerity.check(tooOld, "mode " + mode.label() + ": " + e.getMessage());
      }
    }
  }

  private Outcome read(Damage of) {
    byte[] want = contents.get(of);
    List<Integer> errors = new ArrayList<>();
    boolean wrong = false;
    try (FileChannel file = FileChannel.open(target.resolve(of.file()))) {
      for (int at = 0; at < want.length; at += BLOCK) {
        ByteBuffer block = ByteBuffer.allocate(Math.min(BLOCK, want.length - at));
        try {
          while (block.hasRemaining() && file.read(block, at + block.position()) > 0) {
            // further
          }
          wrong |= !block.flip().equals(ByteBuffer.wrap(want, at, block.capacity()));
        } catch (IOException e) {
          errors.add(at / BLOCK);
        }
      }
    } catch (IOException e) {
      return Outcome.REFUSED;
    }
    if (wrong || errors.isEmpty()) {
      return wrong ? Outcome.WRONG : Outcome.EQUAL;
    }
    System.out.println(of.file() + ": refused are " + errors.size() + " blocks of 101");
    int piece = BAD / PIECE;
    return errors.contains(BAD) && errors.stream().allMatch(block -> block / PIECE == piece)
        ? Outcome.REFUSED_THERE
        : Outcome.REFUSED;
  }
}
