package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Images that are mounted, in any mount namespace that can be looked into. Their mounts have {@code
 * composefs:DIGEST} as source, or {@code composefs:NAME}, which may no longer mean what it meant
 * then.
 */
final class MountedImages {
  private static final String SOURCE = "composefs:";

  private final Links images;
  private final Platform platform;
  private final StoreDirectory root;
  private final Path mounts;
  private final Set<Digest> digests = new HashSet<>();
  private final List<Finding> unknown = new ArrayList<>();

  private MountedImages(Repository repository, Path processes) {
    this.images = repository.links(Category.IMAGES);
    this.platform = repository.platform();
    this.root = repository.root();
    this.mounts = processes;
  }

  /**
   * What is mounted.
   *
   * @param digests the images that are told by their source, of this or of another repository
   * @param unknown mounts that may be over this repository, of an image that is not told
   */
  record Found(Set<Digest> digests, List<Finding> unknown) {}

  /** {@return what the processes of this machine see; nothing where there is no {@code /proc}} */
  static Found find(Repository repository, Path processes) throws IOException {
    MountedImages found = new MountedImages(repository, processes);
    found.readAll();
    return new Found(found.digests, found.unknown);
  }

  private void readAll() throws IOException {
    if (!Files.isDirectory(mounts)) {
      return;
    }
    Map<String, Boolean> namespaces = new HashMap<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(mounts, "[0-9]*")) {
      for (Path process : processes) {
        if (namespaces.putIfAbsent(namespace(process), true) == null) {
          read(process);
        }
      }
    }
  }

  /** Processes of one namespace see the same mounts below the same root. */
  private static String namespace(Path process) {
    try {
      return Files.readSymbolicLink(process.resolve("ns/mnt"))
          + " "
          + Files.readSymbolicLink(process.resolve("root"));
    } catch (IOException | RuntimeException e) {
      return process.toString();
    }
  }

  private void read(Path process) throws IOException {
    byte[] table;
    try {
      table = Files.readAllBytes(process.resolve("mountinfo"));
    } catch (IOException e) {
      return; // gone, or not for us to see
    }
    for (String line : new String(table, StandardCharsets.ISO_8859_1).split("\n", -1)) {
      int separator = line.indexOf(" - ");
      if (separator < 0) {
        continue;
      }
      String[] mount = line.substring(0, separator).split(" ", -1);
      String[] what = line.substring(separator + 3).split(" ", -1);
      if (what.length >= 3 && mount.length >= 5 && unescape(what[1]).startsWith(SOURCE)) {
        add(process, unescape(mount[4]), what[0], unescape(what[1]), what[2]);
      }
    }
  }

  private void add(Path process, String point, String type, String source, String options)
      throws IOException {
    String name = source.substring(SOURCE.length());
    if (images.isDigest(name)) {
      digests.add(Digest.parse(name));
    } else if (isHex(name) || !mayBeOurs(process, type, name, options)) {
      return; // of a repository of the other algorithm, or of other objects
    } else {
      unknown.add(
          Finding.of(
              FindingType.MOUNT_UNKNOWN,
              point,
              "mounted as '" + source + "', which does not tell the image; unmount it"));
    }
  }

  private static boolean isHex(String name) {
    return (name.length() == 64 || name.length() == 128) && Links.isHex(name);
  }

  /**
   * Whether one of a mount's layers is our object directory, or cannot be told. Of a FUSE server
   * the kernel knows no layers: it counts if its name is a ref here.
   */
  private boolean mayBeOurs(Path process, String type, String name, String options)
      throws IOException {
    if (!type.equals("overlay")) {
      String prefix = Links.REFS + "/";
      return images.entryOf(name.startsWith(prefix) ? name.substring(prefix.length()) : name)
          != null;
    }
    HostStat ours = root.stat(FileName.encode(Links.OBJECTS));
    if (ours == null) {
      return false;
    }
    boolean told = false;
    for (String option : options.split(",", -1)) {
      int equals = option.indexOf('=');
      String key = equals < 0 ? option : option.substring(0, equals);
      if (!key.equals("datadir+") && !key.equals("lowerdir")) {
        continue;
      }
      String[] paths = option.substring(equals + 1).split("::?", -1);
      for (int i = key.equals("lowerdir") ? 1 : 0; i < paths.length; i++) {
        HostStat layer = stat(process, unescape(paths[i]));
        if (layer == null || (layer.dev() == ours.dev() && layer.ino() == ours.ino())) {
          return true;
        }
        told = true;
      }
    }
    return !told;
  }

  private @Nullable HostStat stat(Path process, String path) {
    if (!path.startsWith("/") || path.startsWith("/proc/")) {
      return null;
    }
    Path seen = process.resolve("root").resolve(path.substring(1));
    try (StoreDirectory directory = platform.openExistingStore(seen)) {
      return directory.stat(StoreDirectory.self());
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  /** The kernel writes blanks and the like as three octal digits after a backslash. */
  private static String unescape(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 3 < text.length() && text.substring(i + 1, i + 4).matches("[0-7]{3}")) {
        bytes.write(Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        bytes.write(c);
      }
    }
    return FileName.decode(bytes.toByteArray());
  }
}
