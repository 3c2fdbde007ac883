package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.FsContext;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;

/** What programs expect of any root directory, mounted below one that has only files. */
public final class SystemTrees {
  private static final List<String> SHARED = List.of("proc", "sys", "dev");
  private static final String EMPTY = "tmp";

  private SystemTrees() {}

  /**
   * Mounts this namespace's {@code /proc}, {@code /sys} and {@code /dev}, with all below them, and
   * an empty {@code /tmp}, where a root has such directories. Needs CAP_SYS_ADMIN, be it in a user
   * namespace. Unmounting the root lazily takes them away.
   */
  public static void addTo(Path root) throws IOException {
    for (String name : SHARED) {
      if (isDirectory(root, name)) {
        byte[] path = ("/" + name).getBytes(StandardCharsets.US_ASCII);
        try (Fd copy = fd(name, MountCalls.copyTree(path))) {
          attach(copy, root, name);
        }
      }
    }
    if (isDirectory(root, EMPTY)) {
      int bits = Abi.MOUNT_ATTR_NOSUID | Abi.MOUNT_ATTR_NODEV;
      try (FsContext context = FsContext.open("tmpfs", SystemTrees::failure);
          Fd fresh = context.set("mode", "1777").mount(bits)) {
        attach(fresh, root, EMPTY);
      }
    }
  }

  private static boolean isDirectory(Path root, String name) {
    return Files.isDirectory(root.resolve(name), LinkOption.NOFOLLOW_LINKS);
  }

  private static void attach(Fd mount, Path root, String name) throws IOException {
    byte[] path = RawPath.of(root.resolve(name));
    try (Fd place = Fd.open(path, Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_NOFOLLOW)) {
      check(name, MountCalls.attach(mount, place));
    }
  }

  private static MountException failure(String step, int errno, List<String> messages) {
    return new MountException("tmpfs (" + step + "): " + Errno.text(errno), errno, messages);
  }

  private static Fd fd(String name, int result) throws MountException {
    check(name, result);
    return new Fd(result);
  }

  private static void check(String name, int result) throws MountException {
    if (result < 0) {
      throw new MountException("/" + name + ": " + Errno.text(-result), -result, List.of());
    }
  }
}
