package io.github.composefs4j.linux;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Mounts images by the kernel: EROFS for the metadata, overlayfs with data-only layers for the
 * content (fuse-and-mount.md 11, 12, 14, 15). Needs root. The work does not depend on the size of
 * the image: nothing but its first bytes is read.
 *
 * <p>A mount's source is {@code composefs:} and the image's digest where that is known without
 * reading the image (the kernel measured it, or its file's name is its digest), otherwise the name
 * of the image file.
 */
public final class KernelMount {
  private static final int RDONLY = 1;
  private static final int IDMAP = 0x100000;
  private static final int MOVE_EMPTY_PATH = 4;
  private static final int MOVE_TARGET_SYMLINKS = 0x10;
  private static final int DETACH = 2;
  private static final int NOFOLLOW = 8;
  private static final int MS_RDONLY = 1;
  private static final int MAGIC = 0xd078629a;
  private static final int LAYERS_MAX = 499;
  private static final int DATA_MAX = 4095;

  private final MountOptions options;
  private final List<Integer> descriptors = new ArrayList<>();

  private KernelMount(MountOptions options) {
    this.options = options;
  }

  /**
   * Mounts an image on a directory; a symlink to one is followed.
   *
   * @throws IOException if that cannot be done; nothing is left behind then
   */
  public static void mount(MountOptions options, Path target) throws IOException {
    KernelMount mount = new KernelMount(options);
    try {
      mount.run(target);
    } finally {
      mount.descriptors.forEach(Sys::close);
    }
  }

  /**
   * Takes the uppermost mount on a directory away.
   *
   * @param lazy whether it may still be in use and goes when it no longer is
   */
  public static void unmount(Path target, boolean lazy) throws IOException {
    byte[] path = LinuxPlatform.bytes(target);
    int result = Sys.umount(Sys.scratch().path(path), NOFOLLOW | (lazy ? DETACH : 0));
    LinuxFiles.check(result, path);
  }

  private int open(Path path, int flags) throws IOException {
    byte[] bytes = LinuxPlatform.bytes(path);
    int fd = LinuxFiles.check(Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), flags, 0), bytes);
    descriptors.add(fd);
    return fd;
  }

  private void run(Path target) throws IOException {
    if (!Files.isDirectory(target)) {
      throw Files.exists(target)
          ? new java.nio.file.NotDirectoryException(target.toString())
          : new java.nio.file.NoSuchFileException(target.toString());
    }
    if (options.objects().isEmpty() || options.objects().size() > LAYERS_MAX) {
      throw new ComposefsException("1 to " + LAYERS_MAX + " object directories can be mounted");
    }
    int image = open(options.image(), Abi.O_RDONLY);
    boolean acl = readHeader(image);
    Optional<Digest> measured = KernelVerity.measure(image);
    checkDigest(image, measured);
    List<Integer> objects = new ArrayList<>();
    for (Path directory : options.objects()) {
      objects.add(open(directory, Abi.O_DIRECTORY));
    }
    boolean verity = verity(objects);
    String source = "composefs:" + measured.map(Digest::hex).orElseGet(this::nameOfImage);
    if (options.oldInterface()) {
      mountOld(image, acl, verity, source, target);
    } else {
      mountNew(image, acl, objects, verity, source, target);
    }
  }

  private boolean readHeader(int image) throws IOException {
    MemorySegment data = Sys.scratch().data;
    long read = Sys.pread(image, data, 32, 0);
    String name = options.image().toString();
    if (read < 0) {
      throw new ErrnoException(name, (int) -read);
    }
    if (read < 32 || data.get(ValueLayout.JAVA_INT, 0) != MAGIC) {
      throw new CorruptImageException(name, 0, "no composefs image");
    }
    return (data.get(ValueLayout.JAVA_INT, 8) & 1) != 0;
  }

  private void checkDigest(int image, Optional<Digest> measured) throws IOException {
    Digest expected = options.digest();
    if (expected == null) {
      return;
    }
    if (measured.isEmpty()) {
      throw new ComposefsException(
          options.image()
              + ": has no fs-verity"
              + (KernelVerity.mayNotSupport(image)
                  ? ", and this kernel or its file system cannot have it: the option digest= cannot be kept"
                      + " (tryverity mounts without)"
                  : " digest to compare with digest="));
    }
    if (!measured.get().equals(expected)) {
      throw new ComposefsException(
          options.image() + ": has fs-verity digest " + measured.get() + ", not " + expected);
    }
  }

  private boolean verity(List<Integer> objects) throws IOException {
    if (options.verity() == MountOptions.Verity.OFF && options.digest() == null) {
      return false;
    }
    for (int i = 0; i < objects.size(); i++) {
      if (KernelVerity.mayNotSupport(objects.get(i))) {
        if (options.verity() == MountOptions.Verity.TRY) {
          return false;
        }
        throw new ComposefsException(
            options.objects().get(i)
                + ": this kernel or the file system there cannot have fs-verity, so that every read would fail;"
                + " use tryverity to mount without it");
      }
    }
    return true;
  }

  /**
   * The digest if the image's name is one: 64 or 128 hex digits, perhaps with a slash after the
   * first two.
   */
  private String nameOfImage() {
    Path image = options.image().toAbsolutePath();
    Path parent = image.getParent();
    String name = String.valueOf(image.getFileName());
    String two = parent == null ? "" : String.valueOf(parent.getFileName());
    for (String text : new String[] {name, two + name}) {
      if ((text.length() == 64 || text.length() == 128)
          && text.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) {
        return text;
      }
    }
    return name;
  }

  private int erofs(int image, boolean acl) throws IOException {
    if (!options.loopDevice()) {
      try (MountContext context = MountContext.open("erofs")) {
        configureErofs(context, "/proc/self/fd/" + image, acl);
        int result = context.tryCreate();
        if (result == 0) {
          return keep(context.mount(RDONLY));
        }
        if (result != -Errno.ENOTBLK) {
          throw context.failure("create", -result);
        }
      }
    }
    try (LoopDevice loop = LoopDevice.open(image);
        MountContext context = MountContext.open("erofs")) {
      configureErofs(context, loop.path(), acl);
      context.require("create", context.tryCreate());
      return keep(context.mount(RDONLY));
    }
  }

  private static void configureErofs(MountContext context, String source, boolean acl)
      throws IOException {
    context.string("source", source);
    context.flag("ro");
    if (!acl) {
      context.flag("noacl");
    }
  }

  private int keep(int fd) {
    descriptors.add(fd);
    return fd;
  }

  private void applyIdmap(int mount) throws IOException {
    Path idmap = options.idmap();
    if (idmap == null) {
      return;
    }
    int namespace = open(idmap, Abi.O_RDONLY);
    MemorySegment attributes = Sys.scratch().struct;
    attributes.asSlice(0, 32).fill((byte) 0);
    attributes.set(ValueLayout.JAVA_LONG, 0, IDMAP);
    attributes.set(ValueLayout.JAVA_LONG, 24, namespace);
    int result =
        Sys.mountSetattr(mount, Sys.scratch().path(new byte[0]), Abi.AT_EMPTY_PATH, attributes);
    if (result < 0) {
      throw new ErrnoException("idmap of " + idmap, -result);
    }
  }

  private void mountNew(
      int image, boolean acl, List<Integer> objects, boolean verity, String source, Path target)
      throws IOException {
    int erofs = erofs(image, acl);
    applyIdmap(erofs);
    int overlay = overlay(erofs, objects, verity, source);
    if (overlay < 0) {
      // Before 6.15 overlayfs takes neither descriptors nor detached mounts: attach the metadata
      // for a moment.
      overlay = attached(erofs, directory -> overlayByPath(directory, verity, source));
    }
    byte[] path = LinuxPlatform.bytes(target.toRealPath());
    Sys.Scratch scratch = Sys.scratch();
    int result =
        Sys.moveMount(
            overlay,
            scratch.path(new byte[0]),
            Abi.AT_FDCWD,
            scratch.path2(path),
            MOVE_EMPTY_PATH | MOVE_TARGET_SYMLINKS);
    LinuxFiles.check(result, path);
  }

  private int attributes() {
    boolean readOnly = options.readOnly() || options.upper() == null;
    return options.attributes() | (readOnly ? RDONLY : 0);
  }

  /**
   * {@return a detached overlay mount, or a negative number if the kernel does not take layers by
   * descriptor}
   */
  private int overlay(int erofs, List<Integer> objects, boolean verity, String source)
      throws IOException {
    try (MountContext context = MountContext.open("overlay")) {
      configureOverlay(context, verity, source);
      if (context.tryFd("lowerdir+", erofs) < 0) {
        return -1;
      }
      for (int directory : objects) {
        context.require("datadir+", context.tryFd("datadir+", directory));
      }
      addWritableLayer(context);
      context.require("create", context.tryCreate());
      return keep(context.mount(attributes()));
    }
  }

  private static void configureOverlay(MountContext context, boolean verity, String source)
      throws IOException {
    context.string("source", source);
    context.string("metacopy", "on");
    context.string("redirect_dir", "on");
    if (verity) {
      int result = context.tryString("verity", "require");
      if (result < 0) {
        throw new ComposefsException(
            "overlayfs of this kernel has no verity= option (6.6 has it); use tryverity");
      }
    }
  }

  private void addWritableLayer(MountContext context) throws IOException {
    Path upper = options.upper();
    Path work = options.work();
    if (upper == null || work == null) {
      return;
    }
    context.string("upperdir", "/proc/self/fd/" + open(upper, Abi.O_DIRECTORY));
    context.string("workdir", "/proc/self/fd/" + open(work, Abi.O_DIRECTORY));
  }

  private int overlayByPath(Path lower, boolean verity, String source) throws IOException {
    try (MountContext context = MountContext.open("overlay")) {
      configureOverlay(context, verity, source);
      context.string("lowerdir+", lower.toString());
      for (Path directory : options.objects()) {
        context.string("datadir+", "/proc/self/fd/" + open(directory, Abi.O_DIRECTORY));
      }
      addWritableLayer(context);
      context.require("create", context.tryCreate());
      return keep(context.mount(attributes()));
    }
  }

  private interface WithDirectory {
    int run(Path directory) throws IOException;
  }

  /** Attaches the metadata to a private directory while {@code action} runs. */
  private int attached(int erofs, WithDirectory action) throws IOException {
    Path directory = privateDirectory();
    try {
      byte[] path = LinuxPlatform.bytes(directory);
      Sys.Scratch scratch = Sys.scratch();
      int result =
          Sys.moveMount(
              erofs, scratch.path(new byte[0]), Abi.AT_FDCWD, scratch.path2(path), MOVE_EMPTY_PATH);
      LinuxFiles.check(result, path);
      try {
        return action.run(directory);
      } finally {
        Sys.umount(Sys.scratch().path(path), DETACH);
      }
    } finally {
      Files.deleteIfExists(directory);
    }
  }

  private static Path privateDirectory() throws IOException {
    return Files.createTempDirectory(
        "composefs",
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  /** The way of kernels without the newer interface. */
  private void mountOld(int image, boolean acl, boolean verity, String source, Path target)
      throws IOException {
    Path directory = privateDirectory();
    byte[] path = LinuxPlatform.bytes(directory);
    boolean mounted = false;
    try {
      mountErofsOld(image, acl, path);
      mounted = true;
      StringBuilder data = new StringBuilder("metacopy=on,redirect_dir=on");
      if (verity) {
        data.append(",verity=require");
      }
      Path upper = options.upper();
      Path work = options.work();
      if (upper != null && work != null) {
        data.append(",upperdir=").append(escaped(upper, false));
        data.append(",workdir=").append(escaped(work, false));
      }
      data.append(",lowerdir=").append(directory);
      for (Path objects : options.objects()) {
        data.append("::").append(escaped(objects, true));
      }
      mountOld("overlay", source, target, attributes() & RDONLY, data.toString());
    } finally {
      if (mounted) {
        Sys.umount(Sys.scratch().path(path), DETACH);
      }
      Files.deleteIfExists(directory);
    }
  }

  private void mountErofsOld(int image, boolean acl, byte[] path) throws IOException {
    String data = acl ? "" : "noacl";
    Path directory = Path.of(new String(path, java.nio.charset.StandardCharsets.UTF_8));
    if (!options.loopDevice()) {
      try {
        mountOld("erofs", "/proc/self/fd/" + image, directory, MS_RDONLY, data);
        return;
      } catch (ErrnoException e) {
        if (e.errno() != Errno.ENOTBLK) {
          throw e;
        }
      }
    }
    try (LoopDevice loop = LoopDevice.open(image)) {
      mountOld("erofs", loop.path(), directory, MS_RDONLY, data);
    }
  }

  private static String escaped(Path path, boolean colon) {
    String text = path.toAbsolutePath().toString().replace("\\", "\\\\").replace(",", "\\,");
    return colon ? text.replace(":", "\\:") : text;
  }

  private static void mountOld(String type, String source, Path target, int flags, String data)
      throws IOException {
    if (data.length() > DATA_MAX) {
      throw new ComposefsException("mount options of " + data.length() + " bytes are too long");
    }
    try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
      Sys.Scratch scratch = Sys.scratch();
      byte[] path = LinuxPlatform.bytes(target.toRealPath());
      int result =
          Sys.mount(
              scratch.path(MountContext.ascii(source)),
              scratch.path2(path),
              arena.allocateFrom(type).address(),
              flags,
              arena.allocateFrom(data).address());
      LinuxFiles.check(result, MountContext.ascii(type + " on " + target));
    }
  }
}
