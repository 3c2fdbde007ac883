package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.spi.FileId;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
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
 * then; those of the C tools have {@code composefs}, and those of {@code fstab} a path.
 */
final class MountedImages {
  private static final String PLAIN = "composefs";
  private static final String SOURCE = PLAIN + ":";
  private static final String FUSE_TYPE = "fuse.composefs";
  private static final String CONNECTION = "fuse_connection:";
  private static final String UNTOLD = "";

  private final Links images;
  private final Platform platform;
  private final StoreDirectory root;
  private final Path processes;
  private final Set<Digest> digests = new HashSet<>();

  /** By device number: one mount is seen in many namespaces, but its layers not in all. */
  private final Map<String, Layered> layered = new HashMap<>();

  /** By device number too: mounts of FUSE servers, and overlays over what only a server has. */
  private final Map<String, Finding> served = new HashMap<>();

  private final Map<String, Finding> overServed = new HashMap<>();
  private final Set<String> visible = new HashSet<>();
  private final List<Finding> unknown = new ArrayList<>();

  private MountedImages(Repository repository, Path processes) {
    this.images = repository.links(Category.IMAGES);
    this.platform = repository.platform();
    this.root = repository.root();
    this.processes = processes;
  }

  /**
   * What is mounted.
   *
   * @param digests the images that are told by their source, of this or of another repository
   * @param unknown mounts that may be over this repository, of an image that is not told
   */
  record Found(Set<Digest> digests, List<Finding> unknown) {}

  /** An overlay of an image that is not told. */
  private static final class Layered {
    private final Finding finding;
    private boolean isOurs;
    private boolean isTold;

    /** Without data of its own it is over a FUSE server. */
    private boolean hasData;

    Layered(Finding finding) {
      this.finding = finding;
    }
  }

  /** {@return what the processes of this machine see; nothing where there is no {@code /proc}} */
  static Found find(Repository repository, Path processes) throws IOException {
    MountedImages found = new MountedImages(repository, processes);
    if (Files.isDirectory(processes)) {
      found.readAll();
    }
    return new Found(found.digests, found.unknown);
  }

  private void readAll() throws IOException {
    FileId ours = id(root, Links.OBJECTS);
    Map<String, Boolean> namespaces = new HashMap<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(processes, "[0-9]*")) {
      for (Path process : all) {
        // One whose root cannot be entered shows what is mounted, but not over what.
        String namespace = namespace(process);
        Boolean entered = namespaces.get(namespace);
        if (entered == null || (!entered && id(process.resolve("root")) != null)) {
          namespaces.put(namespace, id(process.resolve("root")) != null);
          read(process, ours);
        }
      }
    }
    layered.forEach((device, each) -> {
      if (!each.hasData) {
        overServed.put(device, each.finding);
      } else if (each.isOurs || !each.isTold) {
        unknown.add(each.finding);
      }
    });
    if (ours != null && !(served.isEmpty() && overServed.isEmpty())) {
      addServed(ours);
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

  private void read(Path process, @Nullable FileId ours) throws IOException {
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
      if (what.length >= 3 && mount.length >= 5) {
        String source = unescape(what[1]);
        if (what[0].startsWith("fuse")) {
          visible.add(mount[2]);
        }
        if (source.equals(PLAIN) || source.startsWith(SOURCE) || what[0].equals(FUSE_TYPE)) {
          add(process, mount[2], unescape(mount[4]), what[0], source, what[2], ours);
        }
      }
    }
  }

  private void add(
      Path process,
      String device,
      String point,
      String type,
      String source,
      String options,
      @Nullable FileId ours)
      throws IOException {
    String name = source.startsWith(SOURCE) ? source.substring(SOURCE.length()) : "";
    if (images.isDigest(name)) {
      digests.add(Digest.parse(name));
      return;
    }
    if (isHex(name)) {
      return; // of a repository of the other algorithm
    }
    Finding finding =
        Finding.of(
            FindingType.MOUNT_UNKNOWN,
            point,
            "mounted as '" + source + "', which does not tell the image; unmount it");
    if (type.equals("overlay")) {
      Layered each = layered.computeIfAbsent(device, _ -> new Layered(finding));
      // What the C tools were given need not be a path that means something now: a system's own
      // root is often such a mount, and must not keep every repository from being collected.
      each.isTold |= source.equals(PLAIN);
      look(process, options, ours, each);
    } else if (images.entryOf(refOf(name)) != null) {
      unknown.add(finding);
    } else {
      served.put(device, finding);
    }
  }

  private static String refOf(String name) {
    String prefix = Links.REFS + "/";
    return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
  }

  private static boolean isHex(String name) {
    return (name.length() == 64 || name.length() == 128) && Links.isHex(name);
  }

  /** Looks whether one of an overlay's layers of data is our object directory. */
  private void look(Path process, String options, @Nullable FileId ours, Layered overlay) {
    boolean all = true;
    for (String option : options.split(",", -1)) {
      int equals = option.indexOf('=');
      String key = equals < 0 ? option : option.substring(0, equals);
      if (!key.equals("datadir+") && !key.equals("lowerdir")) {
        continue;
      }
      String[] paths = option.substring(equals + 1).split("::?", -1);
      for (int i = key.equals("lowerdir") ? 1 : 0; i < paths.length; i++) {
        FileId layer = layer(process, unescape(paths[i]));
        overlay.isOurs |= layer != null && layer.equals(ours);
        all &= layer != null;
        overlay.hasData = true;
      }
    }
    overlay.isTold |= all;
  }

  private @Nullable FileId layer(Path process, String path) {
    return path.startsWith("/") && !path.startsWith("/proc/")
        ? id(process.resolve("root").resolve(path.substring(1)))
        : null;
  }

  private @Nullable FileId id(Path directory) {
    try (StoreDirectory open = platform.openExistingStore(directory)) {
      return id(open, ".");
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  private static @Nullable FileId id(StoreDirectory directory, String path) throws IOException {
    HostStat stat = directory.stat(FileName.encode(path));
    return stat == null ? null : stat.id();
  }

  /** Of a FUSE server's mount the kernel knows no layers, but its process has our objects open. */
  private void addServed(FileId ours) throws IOException {
    Map<String, Finding> suspects = new HashMap<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(processes, "[0-9]*")) {
      for (Path process : all) {
        Set<String> connections = connections(process, ours);
        if (connections.contains(UNTOLD)) {
          suspects.putAll(served);
        }
        for (String device : connections) {
          Finding finding = served.get(device);
          if (finding != null) {
            suspects.put(device, finding);
          } else if (!visible.contains(device)) {
            suspects.putAll(overServed);
          }
        }
      }
    }
    unknown.addAll(suspects.values());
  }

  /** {@return the device numbers of what a process serves, if it has our objects open} */
  private Set<String> connections(Path process, FileId ours) {
    Set<String> devices = new HashSet<>();
    boolean objects = false;
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        String open = openFile(descriptor);
        if (open.equals("/dev/fuse")) {
          devices.add(connection(process.resolve("fdinfo").resolve(descriptor.getFileName())));
        }
        objects |= open.endsWith("/" + Links.OBJECTS) && ours.equals(id(descriptor));
      }
    } catch (IOException | DirectoryIteratorException e) {
      return Set.of(); // gone, or not for us to see
    }
    return objects ? devices : Set.of();
  }

  /** {@return the device number of a FUSE connection, which older kernels do not tell} */
  private static String connection(Path information) throws IOException {
    for (String line : Files.readString(information).split("\n", -1)) {
      if (line.startsWith(CONNECTION)) {
        return "0:" + line.substring(CONNECTION.length()).strip();
      }
    }
    return UNTOLD;
  }

  private static String openFile(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return "";
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
