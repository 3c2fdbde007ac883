package io.github.composefs4j.tests;

import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWriter;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.scan.Scanner;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.Diagnosis;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.KernelVerity;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountOptions.Verity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;

/**
 * What a kernel with fs-verity does with our objects and mounts: a program for the virtual machine
 * of {@code tools/verity-vm}, with nothing but the class path of the library. Arguments: a
 * directory to make, and the block device below it.
 */
public final class RealVerity {
  private static int checks;
  private final Path work;
  private final Path device;
  private final Path store;
  private final Path source;
  private final Path image;
  private final Path target;
  private final Map<String, byte[]> contents = new HashMap<>();
  private final Map<String, Digest> digests = new HashMap<>();
  private Digest imageDigest = Digest.parse("0".repeat(64));

  private RealVerity(Path work, Path device) {
    this.work = work;
    this.device = device;
    store = work.resolve("objects");
    source = work.resolve("source");
    image = work.resolve("image.cfs");
    target = work.resolve("mnt");
  }

  /** Runs all; the exit status tells. */
  public static void main(String[] args) throws Exception {
    for (var finding : Diagnosis.of(Path.of("/"))) {
      System.out.println("doctor: " + finding);
    }
    RealVerity verity = new RealVerity(Files.createDirectory(Path.of(args[0])), Path.of(args[1]));
    verity.digestsAgree();
    verity.makeImage();
    verity.mountsWhatMatches();
    verity.refusesWhatDoesNot();
    verity.refusesObjects();
    verity.refusesACorruptBlock();
    ProtectedMounts.run(Path.of(args[0]), Path.of(args[1]));
    SecureRepository.run(verity.work);
    System.out.println(checks + " checks passed");
  }

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
    checks++;
    System.out.println("ok: " + what);
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void fails(Action action, String reason, String what) {
    try {
      action.run();
    } catch (IOException e) {
      check(String.valueOf(e.getMessage()).contains(reason), what + ": " + e.getMessage());
      return;
    }
    throw new AssertionError(what + ": did not fail");
  }

  private Path object(Digest digest) {
    return store.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private void digestsAgree() throws IOException {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      Path sizes = work.resolve("sizes-" + algorithm.label());
      try (LocalObjectStore objects = LocalObjectStore.open(Platform.best(), sizes, algorithm)) {
        ObjectWorker worker = new ObjectWorker(algorithm);
        for (int size : new int[] {0, 1, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 3_000_000}) {
          Digest digest = objects.put(random(size), worker);
          Path file = sizes.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
          check(
              KernelVerity.measure(file).equals(Optional.of(digest)),
              algorithm.label() + " of " + size + " bytes is the kernel's");
        }
      }
    }
  }

  private void makeImage() throws IOException {
    Files.createDirectory(source);
    Files.createDirectory(target);
    for (int size : new int[] {10, 5000, 100_000, 2_000_000}) {
      contents.put("f" + size, random(size));
      Files.write(source.resolve("f" + size), random(size));
      digests.put("f" + size, VerityHasher.digest(HashAlgorithm.SHA256, random(size)));
    }
    try (LocalObjectStore objects =
        LocalObjectStore.open(Platform.best(), store, HashAlgorithm.SHA256)) {
      FileTree tree =
          Scanner.scan(
              Platform.best(), source, false, ScanOptions.defaults(), objects, ScanProgress.NONE);
      objects.sync();
      try (FileChannel out =
          FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        imageDigest =
            Objects.requireNonNull(ImageWriter.write(tree, ImageOptions.DEFAULT, out).digest());
      }
    }
    for (String name : List.of("f5000", "f100000", "f2000000")) {
      check(
          KernelVerity.measure(object(digests.get(name))).equals(Optional.of(digests.get(name))),
          "scanned object " + name + " has fs-verity");
    }
    fails(
        () -> Files.write(object(digests.get("f5000")), new byte[1]),
        "",
        "an object cannot be written to");
  }

  private void mount(Digest digest, Verity verity, boolean loop, boolean old) throws IOException {
    KernelMount.mount(
        new MountOptions(
            image, List.of(store), digest, verity, null, null, true, null, 0, loop, old),
        target);
  }

  private byte[] read(String name) throws IOException {
    return Files.readAllBytes(target.resolve(name));
  }

  private void readsAll(String what) throws IOException {
    for (Map.Entry<String, byte[]> file : contents.entrySet()) {
      check(Arrays.equals(read(file.getKey()), file.getValue()), what + ": " + file.getKey());
    }
  }

  private void mountsWhatMatches() throws IOException {
    fails(() -> mount(imageDigest, Verity.REQUIRE, false, false), "no fs-verity; enable", "digest");
    try (StoreDirectory directory = Platform.best().openExistingStore(work);
        HostFile file = directory.open("image.cfs".getBytes(StandardCharsets.US_ASCII))) {
      check(
          directory.protect(file, HashAlgorithm.SHA256).equals(Optional.of(imageDigest)),
          "the image's digest is the kernel's");
    }
    for (boolean loop : new boolean[] {false, true}) {
      for (boolean old : new boolean[] {false, true}) {
        String way = (loop ? "loop device" : "file") + (old ? ", mount(2)" : "");
        mount(imageDigest, Verity.REQUIRE, loop, old);
        readsAll("verity=require by " + way);
        String info = Files.readString(Path.of("/proc/self/mountinfo"));
        check(
            info.contains("composefs:" + imageDigest.hex()) && info.contains("verity=require"),
            "the mount's source is the digest, by " + way);
        KernelMount.unmount(target, false);
      }
    }
    mount(null, Verity.TRY, false, false);
    readsAll("tryverity");
    KernelMount.unmount(target, false);
    check(
        !Files.readString(Path.of("/proc/self/mountinfo")).contains("composefs-"),
        "no temporary mount is left");
  }

  private void refusesWhatDoesNot() {
    Digest other = VerityHasher.digest(HashAlgorithm.SHA256, new byte[1]);
    fails(() -> mount(other, Verity.REQUIRE, false, false), "wrong fs-verity", "another digest");
  }

  /** Another content, and the right one without fs-verity, under an object's name. */
  private void refusesObjects() throws IOException {
    Path replaced = object(digests.get("f5000"));
    Files.delete(replaced);
    Files.write(replaced, random(5001));
    Path plain = object(digests.get("f100000"));
    Files.delete(plain);
    Files.write(plain, random(100_000));
    mount(null, Verity.REQUIRE, false, false);
    fails(() -> read("f5000"), "Input/output error", "a replaced object");
    fails(() -> read("f100000"), "Input/output error", "an object without fs-verity");
    check(Arrays.equals(read("f2000000"), contents.get("f2000000")), "the others are read");
    KernelMount.unmount(target, false);
    mount(null, Verity.OFF, false, false);
    check(Arrays.equals(read("f100000"), contents.get("f100000")), "without verity it is read");
    KernelMount.unmount(target, false);
  }

  private void refusesACorruptBlock() throws IOException {
    byte[] content = contents.get("f2000000");
    int bad = 100;
    damageOnDisk(work, device, content, bad);
    mount(imageDigest, Verity.REQUIRE, false, false);
    try (FileChannel file = FileChannel.open(target.resolve("f2000000"))) {
      ByteBuffer block = ByteBuffer.allocate(4096);
      fails(() -> file.read(block, bad * 4096L), "Input/output error", "a block changed on disk");
      block.clear();
      check(
          file.read(block, 0) == 4096 && block.flip().equals(ByteBuffer.wrap(content, 0, 4096)),
          "its neighbours are read");
    }
    KernelMount.unmount(target, false);
  }

  /** Flips a bit in each copy of a block of some content, below the file system. */
  static void damageOnDisk(Path work, Path device, byte[] content, int bad) throws IOException {
    ByteBuffer wanted = ByteBuffer.wrap(content, bad * 4096, 4096).slice();
    sync(work);
    try (FileChannel disk =
        FileChannel.open(device, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer block = ByteBuffer.allocate(4096);
      int found = 0;
      for (long at = 0; disk.read(block.clear(), at) == 4096; at += 4096) {
        if (block.flip().getLong(0) == wanted.getLong(0) && block.equals(wanted)) {
          // Object and source: the source is of no importance.
          disk.write(ByteBuffer.wrap(new byte[] {(byte) (block.get(7) ^ 1)}), at + 7);
          found++;
        }
      }
      disk.force(true);
      check(found >= 1, "block found on disk in " + found + " places");
    }
    sync(work);
    Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
  }

  private static void sync(Path work) throws IOException {
    try (StoreDirectory directory = Platform.best().openExistingStore(work)) {
      directory.sync();
    }
  }
}
