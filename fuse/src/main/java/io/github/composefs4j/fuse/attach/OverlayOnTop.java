package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An overlay over a FUSE mount (fuse-and-mount.md 13): content from object directories, or a
 * writable layer, or both. The layers are given by descriptor, so Linux 6.15 is needed; data layers
 * under attributes of users need 6.16.
 *
 * @param source shown as the mount's source
 * @param userXattrs whether overlayfs' attributes are those that users may set
 * @param verity whether content is held to the digests by the kernel
 * @param objects directories with content, open; none if the lower mount serves it
 * @param upper writable layer, open, or null
 * @param work together with {@code upper}
 * @param attributes {@code MOUNT_ATTR_*} bits
 */
public record OverlayOnTop(
    byte[] source,
    boolean userXattrs,
    boolean verity,
    List<Fd> objects,
    @Nullable Fd upper,
    @Nullable Fd work,
    int attributes) {
  /** {@return an overlay over {@code lower}, attached nowhere} */
  public Fd detached(Fd lower) throws IOException {
    int opened = MountCalls.fsopen("overlay");
    if (opened < 0) {
      throw failure("fsopen", -opened, List.of());
    }
    try (Fd context = new Fd(opened)) {
      step(context, "source", MountCalls.setString(context, "source", source));
      if (userXattrs) {
        step(context, "userxattr", MountCalls.setFlag(context, "userxattr"));
      } else if (!objects.isEmpty()) {
        set(context, "metacopy", "on");
        set(context, "redirect_dir", "on");
      }
      if (verity) {
        set(context, "verity", "require");
      }
      step(context, "lowerdir+", MountCalls.setFd(context, "lowerdir+", lower));
      for (Fd object : objects) {
        step(context, "datadir+", MountCalls.setFd(context, "datadir+", object));
      }
      if (upper != null && work != null) {
        step(context, "upperdir", MountCalls.setFd(context, "upperdir", upper));
        step(context, "workdir", MountCalls.setFd(context, "workdir", work));
      }
      step(context, "create", MountCalls.create(context));
      int mount = MountCalls.fsmount(context, attributes);
      step(context, "fsmount", mount);
      return new Fd(mount);
    }
  }

  private static void set(Fd context, String key, String value) throws IOException {
    step(
        context,
        key,
        MountCalls.setString(context, key, value.getBytes(StandardCharsets.US_ASCII)));
  }

  private static void step(Fd context, String what, int result) throws IOException {
    if (result < 0) {
      throw failure(what, -result, MountCalls.log(context));
    }
  }

  private static MountException failure(String what, int errno, List<String> log) {
    String text =
        switch (errno) {
          case Errno.ENODEV -> "this kernel has no overlayfs (module overlay)";
          case Errno.EPERM -> "mounting overlayfs needs CAP_SYS_ADMIN, be it in a user namespace";
          default ->
              "cannot mount overlayfs over FUSE ("
                  + what
                  + "): "
                  + Errno.text(errno)
                  + "; this needs Linux 6.15, with userxattr 6.16";
        };
    return new MountException(text, errno, log);
  }

  /** {@return the bits for a read-only mount} */
  public static int readOnly(int attributes) {
    return attributes | Abi.MOUNT_ATTR_RDONLY;
  }
}
