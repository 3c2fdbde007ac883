package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.FsContext;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.util.List;

/**
 * Makes a file system of a device, attached nowhere yet (fuse-and-mount.md 10.1). Needs
 * CAP_SYS_ADMIN, be it only in a user namespace.
 */
public final class FuseAttachment {
  private FuseAttachment() {}

  /**
   * {@return a mount of the device}
   *
   * @param source shown as the mount's source, cut to what the kernel takes
   * @param allowOther whether other users than this may enter
   * @param attributes {@code MOUNT_ATTR_*} bits; read-only is added
   * @throws MountException if it cannot be made; errno {@code EPERM} if the right is missing
   */
  public static Fd detached(FuseDevice device, byte[] source, boolean allowOther, int attributes)
      throws IOException {
    try (FsContext context = FsContext.open("fuse", FuseAttachment::failure)) {
      context
          .set("source", source)
          .set("subtype", "composefs")
          .set("fd", Integer.toString(device.fd().number()))
          .set("rootmode", "40000")
          .set("user_id", Integer.toString(Sys.geteuid()))
          .set("group_id", Integer.toString(Sys.getegid()))
          .flag("ro")
          .flag("default_permissions");
      if (allowOther) {
        context.flag("allow_other");
      }
      return context.mount(attributes | Abi.MOUNT_ATTR_RDONLY);
    }
  }

  private static MountException failure(String step, int errno, List<String> messages) {
    String text =
        switch (errno) {
          case Errno.ENODEV -> "this kernel has no FUSE (module fuse)";
          case Errno.EPERM -> "mounting FUSE needs CAP_SYS_ADMIN here, or the program fusermount3";
          default -> "cannot mount FUSE (" + step + "): " + Errno.text(errno);
        };
    return new MountException(text, errno, messages);
  }
}
