package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.FsContext;
import java.io.IOException;
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
    try (FsContext context = FsContext.open("overlay", OverlayOnTop::failure)) {
      context.set("source", source);
      if (userXattrs) {
        context.flag("userxattr");
      } else if (!objects.isEmpty()) {
        context.set("metacopy", "on").set("redirect_dir", "on");
      }
      if (verity) {
        context.set("verity", "require");
      }
      context.set("lowerdir+", lower);
      for (Fd object : objects) {
        context.set("datadir+", object);
      }
      if (upper != null && work != null) {
        context.set("upperdir", upper).set("workdir", work);
      }
      return context.mount(attributes);
    }
  }

  private static MountException failure(String step, int errno, List<String> messages) {
    String text =
        switch (errno) {
          case Errno.ENODEV -> "this kernel has no overlayfs (module overlay)";
          case Errno.EPERM -> "mounting overlayfs needs CAP_SYS_ADMIN, be it in a user namespace";
          default ->
              "cannot mount overlayfs over FUSE ("
                  + step
                  + "): "
                  + Errno.text(errno)
                  + "; this needs Linux 6.15, with userxattr 6.16";
        };
    return new MountException(text, errno, messages);
  }

  /** {@return the bits for a read-only mount} */
  public static int readOnly(int attributes) {
    return attributes | Abi.MOUNT_ATTR_RDONLY;
  }
}
