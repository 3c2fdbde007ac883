package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
    int result = MountCalls.fsopen("fuse");
    if (result < 0) {
      throw failure("fsopen", -result, List.of());
    }
    try (Fd context = new Fd(result)) {
      step(context, "source", MountCalls.setString(context, "source", source));
      set(context, "subtype", "composefs");
      set(context, "fd", Integer.toString(device.fd().number()));
      set(context, "rootmode", "40000");
      set(context, "user_id", Integer.toString(Sys.geteuid()));
      set(context, "group_id", Integer.toString(Sys.getegid()));
      step(context, "ro", MountCalls.setFlag(context, "ro"));
      step(context, "default_permissions", MountCalls.setFlag(context, "default_permissions"));
      if (allowOther) {
        step(context, "allow_other", MountCalls.setFlag(context, "allow_other"));
      }
      step(context, "create", MountCalls.create(context));
      int mount = MountCalls.fsmount(context, attributes | Abi.MOUNT_ATTR_RDONLY);
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
          case Errno.ENODEV -> "this kernel has no FUSE (module fuse)";
          case Errno.EPERM -> "mounting FUSE needs CAP_SYS_ADMIN here, or the program fusermount3";
          default -> "cannot mount FUSE (" + what + "): " + Errno.text(errno);
        };
    return new MountException(text, errno, log);
  }
}
