package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Mounts an open image as EROFS: from the file where the kernel can, else by a loop device. */
final class ErofsMount {
  private static final byte[] NOACL = {'n', 'o', 'a', 'c', 'l'};

  private final Fd image;
  private final byte[] name;
  private final boolean acl;
  private final @Nullable Fd userNamespace;

  /**
   * A mount to come.
   *
   * @param name the image's path, for messages
   * @param acl whether the image has POSIX ACLs: without, the kernel need not look for them
   */
  ErofsMount(Fd image, byte[] name, boolean acl, @Nullable Fd userNamespace) {
    this.image = image;
    this.name = name;
    this.acl = acl;
    this.userNamespace = userNamespace;
  }

  /** {@return a mount that is attached nowhere} */
  Fd detached(boolean forceLoop) throws IOException {
    Fd mount = throughLoop(forceLoop, this::detachedFrom);
    try {
      idmap(mount);
    } catch (IOException e) {
      mount.close();
      throw e;
    }
    return mount;
  }

  /** Mounts on a directory by the old call. */
  void attach(TemporaryMountPoint point, boolean forceLoop) throws IOException {
    if (userNamespace != null) {
      throw new MountException(
          "idmap needs the mount calls of Linux 5.12; do without idmap or without the switch for"
              + " mount(2)");
    }
    throughLoop(
        forceLoop,
        source -> {
          int result =
              MountCalls.mount(
                  source, point.path(), "erofs", Abi.MS_RDONLY, acl ? new byte[0] : NOACL);
          if (result < 0) {
            throw failure("mount", -result, List.of());
          }
          return image;
        });
  }

  private interface Way {
    Fd from(byte[] source) throws IOException;
  }

  /**
   * Goes the way from the file itself, then from a loop device over it. "Block device required" is
   * what a kernel without file-backed mounts says; "invalid argument" one that cannot do it on this
   * file system (tmpfs, for one), but also one that does not like the image: then that is the
   * error.
   */
  private Fd throughLoop(boolean forceLoop, Way way) throws IOException {
    MountException first = null;
    if (!forceLoop) {
      try {
        return way.from(image.procPath());
      } catch (MountException e) {
        if (e.errno() != Errno.ENOTBLK && e.errno() != Errno.EINVAL) {
          throw e;
        }
        first = e;
      }
    }
    try (LoopDevice loop = LoopDevice.open(image, name)) {
      return way.from(loop.path());
    } catch (MountException e) {
      if (first == null) {
        throw e;
      }
      MountException told = first.errno() == Errno.EINVAL ? first : e;
      told.addSuppressed(told == first ? e : first);
      throw told;
    }
  }

  private Fd detachedFrom(byte[] source) throws IOException {
    try (Fd context = open()) {
      step(context, "source", MountCalls.setString(context, "source", source));
      step(context, "ro", MountCalls.setFlag(context, "ro"));
      if (!acl) {
        step(context, "noacl", MountCalls.setFlag(context, "noacl"));
      }
      step(context, "create", MountCalls.create(context));
      int result = MountCalls.fsmount(context, Abi.MOUNT_ATTR_RDONLY);
      step(context, "fsmount", result);
      return new Fd(result);
    }
  }

  private void idmap(Fd mount) throws IOException {
    if (userNamespace == null) {
      return;
    }
    int result = MountCalls.idmap(mount, userNamespace);
    if (result < 0) {
      throw new MountException(
          "idmap: "
              + Errno.text(-result)
              + "; this takes Linux 5.19 and the file of a user namespace other than the system's",
          -result,
          List.of());
    }
  }

  private Fd open() throws IOException {
    int result = MountCalls.fsopen("erofs");
    if (result < 0) {
      throw failure("fsopen", -result, List.of());
    }
    return new Fd(result);
  }

  private void step(Fd context, String what, int result) throws IOException {
    if (result < 0) {
      throw failure(what, -result, MountCalls.log(context));
    }
  }

  private MountException failure(String what, int errno, List<String> log) {
    String text =
        switch (errno) {
          case Errno.ENODEV ->
              "this kernel has no EROFS (module erofs); mount through FUSE instead";
          case Errno.EPERM ->
              "mounting needs root (CAP_SYS_ADMIN in the first user namespace); mount through FUSE"
                  + " instead";
          default -> "cannot mount as EROFS (" + what + "): " + Errno.text(errno);
        };
    return new MountException(FileName.printable(name) + ": " + text, errno, log);
  }
}
