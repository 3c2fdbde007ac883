package io.github.composefs4j.core.testkit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;

/** The damages of the sample repository {@code sha256-1}, as their README says. */
public final class SampleDamage {
  public static final String DATA =
      "objects/28/34b6ab5a3e35a2e05ee7daf1e3fff4fd2c715aa92da7ad76fb1d2def7100e3";
  public static final String IMAGE =
      "objects/ef/db90d29fc175c7f8bc92c2d0982d6c1b8e102a029b0ce9e7cf83f4c3bc089f";
  public static final String IMAGE_LINK =
      "images/efdb90d29fc175c7f8bc92c2d0982d6c1b8e102a029b0ce9e7cf83f4c3bc089f";
  public static final String LAYER_LINK =
      "streams/oci-layer-sha256:5646fe4af5fa07ef0e04f77162952784632e99aa1fef4bb4fa5f38940b26a944";
  public static final String LAYER =
      "objects/a0/0e4637960183655fc4c5ff29ca9ef29fc7cb84b1d12eedf21806702ba7fc50";

  private final Path repository;

  private SampleDamage(Path repository) {
    this.repository = repository;
  }

  /** Does one of them. */
  public static void to(Path repository, String name) throws IOException {
    new SampleDamage(repository).damage(name);
  }

  private void damage(String name) throws IOException {
    switch (name) {
      case "flip-data-object" -> flip(DATA, 10);
      case "truncate-data-object" -> truncate(DATA, 20);
      case "grow-data-object" ->
          Files.writeString(repository.resolve(DATA), "x", StandardOpenOption.APPEND);
      case "delete-data-object" -> Files.delete(repository.resolve(DATA));
      case "empty-data-object" -> truncate(DATA, 0);
      case "flip-image-superblock" -> flip(IMAGE, 1024);
      case "flip-image-inode" -> flip(IMAGE, 1300);
      case "truncate-image" -> truncate(IMAGE, 4096);
      case "delete-image-object" -> Files.delete(repository.resolve(IMAGE));
      case "flip-stream-magic" -> flip(LAYER, 0);
      case "flip-stream-body" -> flip(LAYER, Files.size(repository.resolve(LAYER)) - 20);
      case "truncate-stream" -> truncate(LAYER, Files.size(repository.resolve(LAYER)) / 2);
      case "delete-stream-object" -> Files.delete(repository.resolve(LAYER));
      case "delete-stream-link" -> Files.delete(repository.resolve(LAYER_LINK));
      case "dangling-image-ref" -> link("images/refs/gone", "../" + "0".repeat(64));
      case "dangling-stream-ref" -> link("streams/refs/gone", "../nothing");
      case "file-in-images" -> Files.writeString(repository.resolve("images/README"), "x");
      case "file-in-refs" -> Files.writeString(repository.resolve("images/refs/file"), "x");
      case "bad-object-name" -> {
        Files.createDirectories(repository.resolve("objects/00"));
        Files.writeString(repository.resolve("objects/00/notes.txt"), "x");
      }
      case "wrong-name-for-content" -> {
        Files.createDirectories(repository.resolve("objects/ff"));
        Files.writeString(repository.resolve("objects/ff/" + "e".repeat(62)), "x");
      }
      case "ref-to-object" -> link("images/refs/direct", "../../" + DATA);
      case "image-name-not-digest" ->
          Files.move(
              repository.resolve(IMAGE_LINK), repository.resolve("images/" + "1".repeat(64)));
      case "meta-missing" -> Files.delete(repository.resolve("meta.json"));
      case "meta-garbage" -> Files.writeString(repository.resolve("meta.json"), "{");
      case "meta-other-algorithm" -> meta("sha256-12", "sha512-12");
      case "meta-version-2" -> meta("\"version\": 1", "\"version\": 2");
      case "meta-unknown-incompatible" ->
          meta("\"incompatible\": []", "\"incompatible\": [\"later\"]");
      case "meta-unknown-read-only-compatible" -> meta("\"v1_erofs\"", "\"v1_erofs\", \"later\"");
      case "meta-unknown-compatible" -> meta("\"compatible\": []", "\"compatible\": [\"later\"]");
      case "meta-extra-member" ->
          meta("\"version\": 1", "\"future\": {\"a\": [1]}, \"version\": 1");
      case "stale-temporaries" -> {
        Files.writeString(repository.resolve("objects/.tmp-object-abcdefghijkl"), "x");
        link(".symlink-abcdefghijkl", "nowhere");
        for (String each : List.of("objects/.tmp-object-abcdefghijkl", ".symlink-abcdefghijkl")) {
          Files.setAttribute(
              repository.resolve(each),
              "lastModifiedTime",
              FileTime.from(Instant.now().minusSeconds(120)),
              LinkOption.NOFOLLOW_LINKS);
        }
      }
      case "empty-directories" -> {
        Files.createDirectories(repository.resolve("objects/zz"));
        Files.createDirectories(repository.resolve("images/refs/a/b/c"));
      }
      default -> throw new IllegalArgumentException(name);
    }
  }

  private void flip(String file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            repository.resolve(file), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 1));
      channel.write(one.flip(), at);
    }
  }

  private void truncate(String file, long size) throws IOException {
    try (FileChannel channel =
        FileChannel.open(repository.resolve(file), StandardOpenOption.WRITE)) {
      channel.truncate(size);
    }
  }

  private void link(String name, String target) throws IOException {
    Files.createSymbolicLink(repository.resolve(name), Path.of(target));
  }

  private void meta(String from, String to) throws IOException {
    String text = Files.readString(repository.resolve("meta.json"));
    if (!text.contains(from)) {
      throw new IllegalStateException("no " + from + " in meta.json");
    }
    Files.writeString(repository.resolve("meta.json"), text.replace(from, to));
  }
}
