package io.github.composefs4j.linux;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.MountOptions.Verity;
import io.github.composefs4j.linux.OverlayMount.Layer;
import io.github.composefs4j.linux.OverlayMount.Layers;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Mounts images by the kernel: the image as EROFS, and over it an overlay that takes the content of
 * files from object directories (fuse-and-mount.md 11). Needs root; thread-safe.
 *
 * <p>A mount takes the same system calls and the same time for every size of image. After a failure
 * nothing is left: no mount, no directory, no loop device.
 *
 * <p>The mount's source is {@code composefs:} and the image's digest, so that tools find it in
 * {@code /proc/self/mountinfo}. The digest is the kernel's measurement if the image has fs-verity;
 * otherwise, since computing it would mean to read the whole image, it is taken from the path of
 * the file, links resolved, if that ends in the 64 or 128 hex digits of a digest or in an object
 * path {@code xx/…}: a label then, not a proof. With neither, the file's name stands in its place.
 */
public final class KernelMount {
  /** Most object directories of a mount: overlayfs has 500 lower layers, one of which is EROFS. */
  public static final int BASE_DIRECTORIES_MAX = 499;

  /** The composefs header at 0 and the superblock at 1024 (erofs-image.md 7.1, 7.2). */
  private static final int HEAD = 1152;

  private static final int BLOCK_BITS = 1024 + 12;
  private static final int BLOCKS = 1024 + 36;
  private static final int MAGIC = 0xd078629a;
  private static final int FLAGS = 8;
  private static final int FLAG_ACL = 1;
  private static final byte[] SOURCE = "composefs:".getBytes(StandardCharsets.US_ASCII);
  private static final int SOURCE_MAX = 255;

  private final MountOptions options;
  private final Fd image;
  private final byte[] imagePath;
  private final @Nullable Fd userNamespace;
  private final Fd target;
  private final Layers layers;

  /** Whether the new mount goes under the one that is there. */
  private final boolean beneath;

  private KernelMount(
      MountOptions options,
      Fd image,
      @Nullable Fd userNamespace,
      Fd target,
      Layers layers,
      boolean beneath) {
    this.options = options;
    this.image = image;
    this.imagePath = LinuxPlatform.bytes(options.image());
    this.userNamespace = userNamespace;
    this.target = target;
    this.layers = layers;
    this.beneath = beneath;
  }

  /**
   * Puts an image in the place of what is mounted on a directory now (Linux 6.5): the new mount
   * goes beneath the old one, which is then taken away, so that at no moment there is nothing. Who
   * has files of the old one open keeps them.
   *
   * @throws MountException as {@link #mount}, and if nothing is mounted there
   */
  public static void replace(MountOptions options, Path target) throws IOException {
    mount(options, target, true);
    unmount(target, true);
  }

  /**
   * Mounts an image.
   *
   * @param target a directory, or a symlink to one
   * @throws MountException if the kernel cannot or will not; the message names what is missing, and
   *     the option to do without
   * @throws CorruptImageException if the image does not start as composefs images do
   * @throws IOException if a file or directory cannot be opened
   */
  public static void mount(MountOptions options, Path target) throws IOException {
    mount(options, target, false);
  }

  private static void mount(MountOptions options, Path target, boolean beneath) throws IOException {
    if (options.objects().isEmpty()) {
      throw new IllegalArgumentException("a mount needs an object directory");
    }
    if (options.objects().size() > BASE_DIRECTORIES_MAX) {
      throw new MountException(
          options.objects().size() + " base directories: overlayfs takes " + BASE_DIRECTORIES_MAX);
    }
    List<Fd> open = new ArrayList<>();
    try {
      Path idmap = options.idmap();
      Fd userNamespace = idmap == null ? null : open(open, idmap, Abi.O_RDONLY);
      Fd image = open(open, options.image(), Abi.O_RDONLY | Abi.O_NONBLOCK);
      Fd point = open(open, target, Abi.O_PATH | Abi.O_DIRECTORY);
      // Reading a directory, unlike O_PATH, lets fs-verity be asked about.
      int way = Abi.O_DIRECTORY | (wanted(options) == Verity.OFF ? Abi.O_PATH : Abi.O_RDONLY);
      List<Layer> objects = new ArrayList<>();
      for (Path directory : options.objects()) {
        objects.add(new Layer(open(open, directory, way), bytes(directory)));
      }
      Layer upper = layer(open, options.upper());
      Layer work = layer(open, options.work());
      Layers layers = new Layers(objects, upper, work);
      new KernelMount(options, image, userNamespace, point, layers, beneath).mount();
    } finally {
      for (Fd fd : open) {
        fd.close();
      }
    }
  }

  private static @Nullable Layer layer(List<Fd> open, @Nullable Path path) throws IOException {
    return path == null
        ? null
        : new Layer(open(open, path, Abi.O_PATH | Abi.O_DIRECTORY), bytes(path));
  }

  private static Fd open(List<Fd> open, Path path, int flags) throws IOException {
    Fd fd = Fd.open(bytes(path), flags);
    open.add(fd);
    return fd;
  }

  private static byte[] bytes(Path path) {
    return LinuxPlatform.bytes(path);
  }

  /** {@return the policy asked for: a digest of the image is worth nothing without it} */
  private static Verity wanted(MountOptions options) {
    return options.digest() == null ? options.verity() : Verity.REQUIRE;
  }

  /**
   * Unmounts what is mounted last on a directory, a symlink followed.
   *
   * @param lazy whether to take it out of sight at once and end it when its last user is gone,
   *     rather than fail if it is in use
   */
  public static void unmount(Path target, boolean lazy) throws IOException {
    int result = MountCalls.umount(bytes(target), lazy ? Abi.MNT_DETACH : 0);
    if (result < 0) {
      String reason =
          switch (-result) {
            case Errno.EINVAL -> "not a mount point";
            case Errno.EBUSY -> Errno.text(Errno.EBUSY) + "; a lazy unmount does not wait";
            default -> Errno.text(-result);
          };
      throw new MountException(
          FileName.printable(bytes(target)) + ": " + reason, -result, List.of());
    }
  }

  private void mount() throws IOException {
    HostStat stat = LinuxFiles.stat(image.number(), new byte[0]);
    boolean acl = readHead(stat);
    Optional<Digest> measured = isFile(stat) ? measure() : unmeasured();
    Verity verity = verity();
    OverlayMount overlay = new OverlayMount(options, source(measured), layers, verity);
    ErofsMount erofs = new ErofsMount(image, imagePath, acl, userNamespace);
    try {
      mount(erofs, overlay, options.loopDevice());
    } catch (MountException e) {
      // An image on an overlay or the like is one level too deep for a file-backed mount.
      if (options.loopDevice() || !e.kernelSays("stacking depth")) {
        throw e;
      }
      mount(erofs, overlay, true);
    }
  }

  private static boolean isFile(HostStat stat) {
    return (stat.mode() & Abi.S_IFMT) == Abi.S_IFREG;
  }

  /**
   * {@return whether the image has ACLs} Also refuses what EROFS would mount and then fail to read:
   * a file shorter than it says.
   */
  private boolean readHead(HostStat stat) throws IOException {
    String name = FileName.printable(imagePath);
    MemorySegment data = Sys.scratch().data;
    long size = Sys.pread(image.number(), data, HEAD, 0);
    if (size < 0 && size != -Errno.ESPIPE) {
      throw new ErrnoException(name, (int) -size);
    }
    if (size < HEAD || data.get(ValueLayout.JAVA_INT, 0) != MAGIC) {
      throw new CorruptImageException(name, 0, "not a composefs image");
    }
    long blocks = Integer.toUnsignedLong(data.get(ValueLayout.JAVA_INT, BLOCKS));
    long declared = blocks << (data.get(ValueLayout.JAVA_BYTE, BLOCK_BITS) & 31);
    if (isFile(stat) && stat.size() < declared) {
      throw new CorruptImageException(
          name, BLOCKS, "truncated: " + stat.size() + " of " + declared + " bytes");
    }
    return (data.get(ValueLayout.JAVA_INT, FLAGS) & FLAG_ACL) != 0;
  }

  private Optional<Digest> unmeasured() throws MountException {
    if (options.digest() != null) {
      throw new MountException(
          FileName.printable(imagePath)
              + ": a block device has no fs-verity; use tryverity, without digest");
    }
    return Optional.empty();
  }

  /** {@return the image's digest, checked against the wanted one if there is such} */
  private Optional<Digest> measure() throws IOException {
    Optional<Digest> measured = KernelVerity.measure(image.number());
    Digest wanted = options.digest();
    if (wanted == null || measured.equals(Optional.of(wanted))) {
      return measured;
    }
    String name = FileName.printable(imagePath);
    if (measured.isPresent()) {
      throw new MountException(
          name + ": image has wrong fs-verity: " + measured.get().hex() + ", not " + wanted.hex());
    }
    throw new MountException(
        VeritySupport.isPossible(image)
            ? name + ": image has no fs-verity; enable it, or mount without digest"
            : name
                + ": image has no fs-verity: "
                + VeritySupport.missing(image, imagePath)
                + "; use tryverity, without digest");
  }

  /** {@return the policy after asking what the object directories can have} */
  private Verity verity() throws MountException {
    Verity wanted = wanted(options);
    if (wanted == Verity.OFF) {
      return wanted;
    }
    for (Layer object : layers.objects()) {
      if (!VeritySupport.isPossible(object.fd())) {
        if (wanted == Verity.TRY) {
          return Verity.OFF;
        }
        throw new MountException(
            "verity is not possible: "
                + VeritySupport.missing(object.fd(), object.path())
                + "; use tryverity to mount without it");
      }
    }
    return wanted;
  }

  /** Takes the newest way that works: what an older kernel lacks shows as an invalid argument. */
  private void mount(ErofsMount erofs, OverlayMount overlay, boolean forceLoop) throws IOException {
    if (options.oldInterface()) {
      mountByOldCall(erofs, overlay, forceLoop);
      return;
    }
    try (Fd lower = erofs.detached(forceLoop)) {
      mount(lower, overlay);
    } catch (MountException e) {
      if (e.errno() != Errno.ENOSYS) {
        throw e;
      }
      mountByOldCall(erofs, overlay, forceLoop); // before 5.2
    }
  }

  private void requireNewInterface() throws MountException {
    if (beneath) {
      throw new MountException("replacing a mount needs the mount calls of Linux 6.5");
    }
  }

  private void mount(Fd lower, OverlayMount overlay) throws IOException {
    Attempts attempts = new Attempts();
    Fd made = attempts.make(() -> overlay.byDescriptor(lower));
    if (made != null) {
      attach(made);
      return;
    }
    try (TemporaryMountPoint point = TemporaryMountPoint.create()) {
      attach(lower, point);
      made = attempts.make(() -> overlay.byPath(point));
      if (made != null) {
        attach(made);
        return;
      }
      requireNewInterface();
      try {
        overlay.byOptionString(point, target);
      } catch (MountException e) {
        throw attempts.told(e);
      }
    }
  }

  private interface Way {
    Fd make() throws IOException;
  }

  /** Ways to make an overlay, and what is to be told if none works. */
  private static final class Attempts {
    private @Nullable MountException failure;

    /** {@return the mount, not attached yet, or null if the kernel may be too old for this way} */
    @Nullable Fd make(Way way) throws IOException {
      try {
        return way.make();
      } catch (MountException e) {
        MountException told = told(e);
        if (!mayBeTooOld(told)) {
          throw told;
        }
        failure = told;
        return null;
      }
    }

    MountException told(MountException e) {
      return failure == null ? e : telling(failure, e);
    }
  }

  private static boolean mayBeTooOld(MountException e) {
    return e.errno() == Errno.EINVAL
        || e.errno() == Errno.EBADF
        || e.errno() == Errno.ENOSYS
        || e.errno() == Errno.EOPNOTSUPP;
  }

  /** {@return the one of two failures that says more} */
  private static MountException telling(MountException first, MountException second) {
    boolean later = first.kernelMessages().isEmpty() && !second.kernelMessages().isEmpty();
    MountException more = later ? second : first;
    more.addSuppressed(later ? first : second);
    return more;
  }

  private void mountByOldCall(ErofsMount erofs, OverlayMount overlay, boolean forceLoop)
      throws IOException {
    requireNewInterface();
    try (TemporaryMountPoint point = TemporaryMountPoint.create()) {
      erofs.attach(point, forceLoop);
      overlay.byOptionString(point, target);
    }
  }

  private void attach(Fd overlay) throws IOException {
    try (overlay) {
      int result =
          beneath ? MountCalls.attachBeneath(overlay, target) : MountCalls.attach(overlay, target);
      if (result < 0) {
        throw notAttached(result);
      }
    }
  }

  private static void attach(Fd mount, TemporaryMountPoint point) throws IOException {
    try (Fd directory = Fd.open(point.path(), Abi.O_PATH | Abi.O_DIRECTORY)) {
      attach(mount, directory);
    }
  }

  private static void attach(Fd mount, Fd directory) throws IOException {
    int result = MountCalls.attach(mount, directory);
    if (result < 0) {
      throw notAttached(result);
    }
  }

  private static MountException notAttached(int result) {
    return new MountException(
        "cannot attach the mount to the mount point: " + Errno.text(-result), -result, List.of());
  }

  private byte[] source(Optional<Digest> measured) throws IOException {
    byte[] name =
        measured.isPresent()
            ? measured.get().hex().getBytes(StandardCharsets.US_ASCII)
            : label(Sys.readlink(image.procPath()));
    byte[] source = Arrays.copyOf(SOURCE, Math.min(SOURCE_MAX, SOURCE.length + name.length));
    System.arraycopy(name, 0, source, SOURCE.length, source.length - SOURCE.length);
    return source;
  }

  /** {@return the digest that a path ends in, else its last component: what names a mount} */
  public static byte[] label(byte[] path) {
    int slash = path.length - 1;
    while (slash >= 0 && path[slash] != '/') {
      slash--;
    }
    byte[] name = Arrays.copyOfRange(path, slash + 1, path.length);
    if (slash >= 3 && path[slash - 3] == '/') {
      byte[] joined = Arrays.copyOf(new byte[] {path[slash - 2], path[slash - 1]}, name.length + 2);
      System.arraycopy(name, 0, joined, 2, name.length);
      if (isDigest(joined)) {
        return joined;
      }
    }
    return name;
  }

  private static boolean isDigest(byte[] name) {
    if (name.length != 2 * HashAlgorithm.SHA256.size()
        && name.length != 2 * HashAlgorithm.SHA512.size()) {
      return false;
    }
    for (byte b : name) {
      if (!HexFormat.isHexDigit(b)) {
        return false;
      }
    }
    return true;
  }
}
