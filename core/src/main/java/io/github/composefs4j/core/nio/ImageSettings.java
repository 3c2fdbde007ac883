package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the {@code env} of a new file system says; see the package's page. */
final class ImageSettings {
  private static final VerifyOptions MEMORY =
      VerifyOptions.defaults().withMemory(VerifyOptions.HASH_BYTES, 16L << 20);

  private final Path file;
  private final @Nullable Digest digest;
  private final List<Object> objects = new ArrayList<>();
  private final Verifier verifier;
  private final Verification verification;

  /**
   * The settings for an image.
   *
   * @throws IllegalArgumentException if a value is none
   */
  ImageSettings(Path image, Map<String, ?> env) throws IOException {
    file = image.toRealPath();
    Digest own = ownDigest(file);
    Object given = env.get("digest");
    digest = given == null ? own : digest(given);
    addObjects(env.get("objects"));
    if (!env.containsKey("objects") && own != null) {
      // …/objects/xx/yyyy, where names in a repository lead to
      objects.add(file.resolve("../..").normalize());
    }
    Object verify = env.get("verify");
    verification = verification(verify);
    verifier = verify instanceof Verifier known ? known : new Verifier(MEMORY);
  }

  private static Digest digest(Object value) {
    if (value instanceof Digest known) {
      return known;
    }
    if (value instanceof String hex) {
      return Digest.parse(hex);
    }
    throw new IllegalArgumentException("digest: neither a Digest nor hex digits");
  }

  /** {@return the digest that an object's path says, or null if this is not in a repository} */
  private static @Nullable Digest ownDigest(Path file) {
    int count = file.getNameCount();
    if (count < 3 || !file.getName(count - 3).toString().equals("objects")) {
      return null;
    }
    String first = file.getName(count - 2).toString();
    String rest = file.getName(count - 1).toString();
    try {
      Digest digest = Digest.parse(first + rest);
      return first.length() == 2 && (first + rest).equals(digest.hex()) ? digest : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private void addObjects(@Nullable Object value) {
    switch (value) {
      case null -> {}
      case ObjectStore store -> objects.add(store);
      case Path path -> objects.add(path);
      case String path -> objects.add(Path.of(path));
      case Collection<?> all -> all.forEach(this::addObjects);
      default ->
          throw new IllegalArgumentException(
              "objects: neither a path, nor an ObjectStore, nor a collection of these");
    }
  }

  private static Verification verification(@Nullable Object value) {
    return switch (value) {
      case null -> Verification.ALWAYS;
      case Verifier _ -> Verification.ALWAYS;
      case Verification known -> known;
      case Boolean always -> always ? Verification.ALWAYS : Verification.OFF;
      case String text ->
          switch (text) {
            case "always", "true" -> Verification.ALWAYS;
            case "open" -> Verification.OPEN;
            case "kernel" -> Verification.KERNEL;
            case "off", "false" -> Verification.OFF;
            default -> throw noVerification();
          };
      default -> throw noVerification();
    };
  }

  private static IllegalArgumentException noVerification() {
    return new IllegalArgumentException("verify: none of always, open, kernel and off");
  }

  ComposefsFileSystem open(ComposefsFileSystemProvider provider, @Nullable URI uri)
      throws IOException {
    Platform platform = Platform.best();
    List<Closeable> owned = new ArrayList<>();
    ErofsImage image = null;
    try {
      image = openImage(platform);
      ImageContents contents =
          new ImageContents(openStores(platform, owned), verifier, verification);
      return new ComposefsFileSystem(
          provider, image, contents, Optional.ofNullable(digest), uri, owned);
    } catch (IOException | RuntimeException e) {
      for (Closeable each : owned) {
        each.close();
      }
      if (image != null) {
        image.close();
      }
      throw e;
    }
  }

  private ErofsImage openImage(Platform platform) throws IOException {
    if (digest != null && verification != Verification.OFF) {
      return ErofsImage.open(platform, file, digest, verifier);
    }
    ObjectReader reader = new UninterruptedReader(ObjectReader.of(platform.openFile(file)));
    return ErofsImage.open(ImageBytes.of(reader, file.toString()), ImageProfile.COMPOSEFS);
  }

  private List<ObjectStore> openStores(Platform platform, List<Closeable> owned)
      throws IOException {
    HashAlgorithm algorithm = digest == null ? HashAlgorithm.SHA256 : digest.algorithm();
    List<ObjectStore> stores = new ArrayList<>();
    for (Object each : objects) {
      if (each instanceof ObjectStore store) {
        stores.add(store);
      } else if (each instanceof Path path) {
        if (!Files.isDirectory(path)) {
          throw Files.exists(path)
              ? new NotDirectoryException(path.toString())
              : new NoSuchFileException(path.toString());
        }
        ObjectStore store = LocalObjectStore.open(platform, path, algorithm);
        owned.add(store);
        stores.add(store);
      }
    }
    return stores;
  }
}
