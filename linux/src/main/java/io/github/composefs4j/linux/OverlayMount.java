package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.MountOptions.Verity;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The overlay of an EROFS mount and object directories (fuse-and-mount.md 11.3, 12). */
final class OverlayMount {
  /** Longest string a file system context takes. */
  private static final int STRING_MAX = 255;

  private final MountOptions options;
  private final byte[] source;
  private final byte[] image;
  private final Layers layers;

  /** Fs-verity as decided for this mount; {@code TRY} only means that overlayfs may refuse it. */
  private final Verity verity;

  OverlayMount(MountOptions options, byte[] source, Layers layers, Verity verity) {
    this.options = options;
    this.image = LinuxPlatform.bytes(options.image());
    this.source = source;
    this.layers = layers;
    this.verity = verity;
  }

  /** A directory: open, and the path the caller gave. */
  record Layer(Fd fd, byte[] path) {}

  /** The open directories of a mount. */
  record Layers(List<Layer> objects, @Nullable Layer upper, @Nullable Layer work) {}

  /** {@return a detached overlay with every layer given by descriptor (6.15)} */
  Fd byDescriptor(Fd erofs) throws IOException {
    try (Fd context = open()) {
      layer(context, "lowerdir+", MountCalls.setFd(context, "lowerdir+", erofs));
      for (Layer object : layers.objects) {
        layer(context, "datadir+", MountCalls.setFd(context, "datadir+", object.fd));
      }
      if (layers.upper != null && layers.work != null) {
        layer(context, "upperdir", MountCalls.setFd(context, "upperdir", layers.upper.fd));
        layer(context, "workdir", MountCalls.setFd(context, "workdir", layers.work.fd));
      }
      return create(context);
    }
  }

  /** {@return a detached overlay with every layer given by path (6.7)} */
  Fd byPath(TemporaryMountPoint erofs) throws IOException {
    try (Fd context = open()) {
      layer(context, "lowerdir+", MountCalls.setString(context, "lowerdir+", erofs.path()));
      for (Layer object : layers.objects) {
        byte[] path = object.path.length > STRING_MAX ? object.fd.procPath() : object.path;
        layer(context, "datadir+", MountCalls.setString(context, "datadir+", path));
      }
      if (layers.upper != null && layers.work != null) {
        // A backslash would be taken for an escape here, unlike above.
        layer(context, "upperdir", MountCalls.setString(context, "upperdir", plain(layers.upper)));
        layer(context, "workdir", MountCalls.setString(context, "workdir", plain(layers.work)));
      }
      return create(context);
    }
  }

  private static byte[] plain(Layer layer) {
    for (byte b : layer.path) {
      if (b == '\\') {
        return layer.fd.procPath();
      }
    }
    return layer.path.length > STRING_MAX ? layer.fd.procPath() : layer.path;
  }

  private Fd open() throws IOException {
    int result = MountCalls.fsopen("overlay");
    if (result < 0) {
      throw failure("fsopen", -result, List.of());
    }
    Fd context = new Fd(result);
    try {
      layer(context, "source", MountCalls.setString(context, "source", source));
      set(context, "metacopy", "on");
      set(context, "redirect_dir", "on");
      if (verity != Verity.OFF) {
        setVerity(context);
      }
      return context;
    } catch (IOException e) {
      context.close();
      throw e;
    }
  }

  private void set(Fd context, String key, String value) throws IOException {
    layer(
        context,
        key,
        MountCalls.setString(context, key, value.getBytes(StandardCharsets.US_ASCII)));
  }

  private void setVerity(Fd context) throws IOException {
    int result =
        MountCalls.setString(context, "verity", "require".getBytes(StandardCharsets.US_ASCII));
    if (result < 0) {
      List<String> log = MountCalls.log(context);
      if (verity == Verity.REQUIRE) {
        throw new MountException(
            "overlayfs of kernel "
                + System.getProperty("os.version")
                + " has no option verity (Linux 6.6); use tryverity to mount without it",
            -result,
            log);
      }
    }
  }

  private void layer(Fd context, String what, int result) throws IOException {
    if (result < 0) {
      throw failure(what, -result, MountCalls.log(context));
    }
  }

  private Fd create(Fd context) throws IOException {
    layer(context, "create", MountCalls.create(context));
    int result = MountCalls.fsmount(context, attributes());
    layer(context, "fsmount", result);
    return new Fd(result);
  }

  private boolean readOnly() {
    return options.readOnly() || layers.upper == null;
  }

  private int attributes() {
    return options.attributes() | (readOnly() ? Abi.MOUNT_ATTR_RDONLY : 0);
  }

  private int oldFlags() {
    int attributes = options.attributes();
    // The first four bits are the same in both; no access times are not.
    int same = MountOptions.NOSUID | MountOptions.NODEV | MountOptions.NOEXEC;
    return (readOnly() ? Abi.MS_RDONLY : 0)
        | (attributes & same)
        | ((attributes & MountOptions.NOATIME) == 0 ? 0 : Abi.MS_NOATIME);
  }

  /**
   * Mounts on an open directory by the old call: objects as data-only layers (6.5), else as
   * ordinary layers, where their files can be seen below {@code /xx}.
   */
  void byOptionString(TemporaryMountPoint erofs, Fd target) throws IOException {
    int result = mount(erofs, target, "::", verity != Verity.OFF);
    if (result == -Errno.EINVAL && verity == Verity.TRY) {
      result = mount(erofs, target, "::", false);
    }
    if (result == -Errno.EINVAL && verity != Verity.REQUIRE) {
      result = mount(erofs, target, ":", false);
    }
    if (result < 0) {
      throw failure("mount", -result, List.of());
    }
  }

  private int mount(TemporaryMountPoint erofs, Fd target, String separator, boolean withVerity)
      throws IOException {
    byte[] data = optionString(erofs, separator, withVerity, false);
    if (data.length > MountCalls.OPTIONS_MAX) { // would be cut without an error
      data = optionString(erofs, separator, withVerity, true);
    }
    if (data.length > MountCalls.OPTIONS_MAX) {
      throw new MountException(
          "the options have "
              + data.length
              + " bytes, mount(2) takes 4095; use fewer base directories, or the newer mount calls");
    }
    return MountCalls.mount(source, target.procPath(), "overlay", oldFlags(), data);
  }

  private byte[] optionString(
      TemporaryMountPoint erofs, String separator, boolean withVerity, boolean descriptors) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    append(data, "metacopy=on,redirect_dir=on");
    if (withVerity) {
      append(data, ",verity=require");
    }
    if (layers.upper != null && layers.work != null) {
      append(data, ",upperdir=");
      escape(data, descriptors ? layers.upper.fd.procPath() : layers.upper.path, false);
      append(data, ",workdir=");
      escape(data, descriptors ? layers.work.fd.procPath() : layers.work.path, false);
    }
    append(data, ",lowerdir=");
    escape(data, erofs.path(), true);
    for (Layer object : layers.objects) {
      append(data, separator);
      escape(data, descriptors ? object.fd.procPath() : object.path, true);
    }
    return data.toByteArray();
  }

  private static void append(ByteArrayOutputStream data, String text) {
    data.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void escape(ByteArrayOutputStream data, byte[] path, boolean colons) {
    for (byte b : path) {
      if (b == '\\' || b == ',' || (colons && b == ':')) {
        data.write('\\');
      }
      data.write(b);
    }
  }

  private MountException failure(String what, int errno, List<String> log) {
    String text =
        switch (errno) {
          case Errno.ENODEV -> "this kernel has no overlayfs (module overlay)";
          case Errno.EPERM -> "mounting needs root (CAP_SYS_ADMIN)";
          case Errno.ELOOP ->
              "directories of layers overlap: two are the same, or one is inside another";
          default ->
              "cannot mount overlay ("
                  + what
                  + "): "
                  + Errno.text(errno)
                  + (log.isEmpty() ? "; the kernel log may say more" : "")
                  + (verity == Verity.REQUIRE && what.equals("mount")
                      ? "; if overlayfs has no option verity (before Linux 6.6), use tryverity"
                      : "");
        };
    return new MountException(FileName.printable(image) + ": " + text, errno, log);
  }
}
