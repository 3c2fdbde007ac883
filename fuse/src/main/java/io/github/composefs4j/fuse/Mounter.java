package io.github.composefs4j.fuse;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.MerkleTrees;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.fuse.attach.FuseServer;
import io.github.composefs4j.fuse.attach.OverlayOnTop;
import io.github.composefs4j.fuse.protocol.ContentSource;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.fuse.protocol.XattrDialect;
import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.KernelVerity;
import io.github.composefs4j.linux.LinuxPlatform;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.MountTable;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One attempt to mount an image in one mode. For one thread, once. */
final class Mounter {
  private final ViewOptions options;
  private final Path target;

  /** What the mount needs as long as it lives, closed last first. */
  private final Deque<Closeable> kept = new ArrayDeque<>();

  /** What is needed until it is mounted. */
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  Mounter(ViewOptions options, Path target) {
    this.options = options;
    this.target = target;
  }

  MountedView mount(MountMode mode, List<String> notes) throws IOException {
    if (mode == MountMode.KERNEL) {
      return byKernel(notes);
    }
    boolean served = false;
    long start = System.nanoTime();
    try {
      MountedView view = byServer(mode, notes);
      served = true;
      MountEvents.mounted(view, System.nanoTime() - start);
      return view;
    } finally {
      for (AutoCloseable each : open) {
        closeQuietly(each);
      }
      if (!served) {
        closeKept();
      }
    }
  }

  private MountedView byKernel(List<String> notes) throws IOException {
    if (options.digest() != null && options.verification() != Verification.KERNEL) {
      // The kernel will not hold the image to its digest: so it is checked now, once.
      Verifier verifier = new Verifier(VerifyOptions.defaults());
      ErofsImage.open(new LinuxPlatform(), options.image(), options.digest(), verifier).close();
    }
    if (options.replace()) {
      KernelMount.replace(Mounts.kernelOptions(options), target);
    } else {
      KernelMount.mount(Mounts.kernelOptions(options), target);
    }
    Verification verification = options.verification();
    if (verification == null) {
      verification = objectsMayHaveVerity() ? Verification.KERNEL : Verification.OFF;
    }
    return new MountedView(seen(), MountMode.KERNEL, verification, notes, null, null);
  }

  private MountTable.Entry seen() throws IOException {
    String point = Mounts.realPath(target);
    MountTable.Entry entry = MountTable.read().at(point);
    if (entry == null) {
      throw new MountException(point + ": the mount is gone already");
    }
    return entry;
  }

  private boolean objectsMayHaveVerity() {
    return !options.objects().isEmpty()
        && options.objects().stream().allMatch(KernelVerity::isPossible);
  }

  private Verification verification(MountMode mode) {
    Verification asked = options.verification();
    if (asked != null) {
      return asked;
    }
    return switch (mode) {
      case VERIFIED -> Verification.ALWAYS;
      case PASSTHROUGH -> Verification.OPEN;
      default -> objectsMayHaveVerity() ? Verification.KERNEL : Verification.OFF;
    };
  }

  private MountedView byServer(MountMode mode, List<String> notes) throws IOException {
    if (mode == MountMode.PASSTHROUGH && !isRealRoot()) {
      throw new MountException("mode passthrough needs root, and not that of a user namespace");
    }
    Verification verification = verification(mode);
    Platform platform = new LinuxPlatform();
    Path trees = options.trees();
    Verifier verifier =
        new Verifier(
            Helpers.options()
                .withSideCars(trees == null ? null : MerkleTrees.in(required(trees), true)));
    ErofsImage image = image(platform, verifier);
    BackingObjects backing =
        mode == MountMode.PASSTHROUGH
            ? new BackingObjects(directories(mode), verification, verifier)
            : null;
    if (backing != null) {
      kept.push(backing);
    }
    ContentSource content = null;
    if (mode == MountMode.VERIFIED) {
      content = new ImageContents(stores(platform), verifier, verification)::open;
    }
    FuseSession session =
        new FuseSession(
            image,
            new FuseSession.Options(
                mode == MountMode.OVERLAY ? overlayDialect() : XattrDialect.TREE,
                content,
                backing,
                options.uring()));
    FuseServer server =
        new FuseServer(session, "composefs " + target.getFileName(), this::closeKept);
    FuseDevice device = FuseDevice.open();
    if (backing != null) {
      backing.use(device.fd());
    }
    attach(mode, verification, server, device);
    return new MountedView(seen(), mode, verification, notes, server, session);
  }

  /** A digest is held to; without one, the image is what it was when it was mounted. */
  private ErofsImage image(Platform platform, Verifier verifier) throws IOException {
    ErofsImage image;
    if (options.digest() != null) {
      image = ErofsImage.open(platform, options.image(), options.digest(), verifier);
    } else {
      ObjectReader reader = ObjectReader.of(platform.openFile(options.image()));
      image =
          ErofsImage.open(
              ImageBytes.copied(reader, options.image().toString()), ImageProfile.COMPOSEFS);
    }
    kept.push(image);
    return image;
  }

  private List<Path> directories(MountMode mode) throws IOException {
    if (options.store() != null || options.objects().isEmpty()) {
      throw new MountException(
          "mode " + mode.label() + " needs object directories, and no other store");
    }
    requireDirectories();
    return options.objects();
  }

  private void requireDirectories() throws IOException {
    for (Path directory : options.objects()) {
      required(directory);
    }
  }

  private static Path required(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw Files.exists(directory)
          ? new NotDirectoryException(directory.toString())
          : new NoSuchFileException(directory.toString());
    }
    return directory;
  }

  private List<ObjectStore> stores(Platform platform) throws IOException {
    List<ObjectStore> stores = new ArrayList<>();
    requireDirectories();
    for (Path directory : options.objects()) {
      // The algorithm is for what is stored; any object is opened by its digest.
      LocalObjectStore store = LocalObjectStore.open(platform, directory, HashAlgorithm.SHA256);
      kept.push(store);
      stores.add(store);
    }
    if (options.store() != null) {
      stores.add(options.store());
    }
    return stores;
  }

  /** The first user namespace's root may set what overlayfs trusts; others have its user form. */
  private static XattrDialect overlayDialect() {
    return isRealRoot() ? XattrDialect.TRUSTED_OVERLAY : XattrDialect.USER_OVERLAY;
  }

  private static boolean isRealRoot() {
    return Sys.geteuid() == 0 && LinuxPlatform.isInitialUserNamespace();
  }

  private void attach(
      MountMode mode, Verification verification, FuseServer server, FuseDevice device)
      throws IOException {
    boolean overlaid = mode == MountMode.OVERLAY || options.upper() != null;
    boolean allowOther = options.allowOther() || overlaid || Sys.geteuid() == 0;
    Fd fuse;
    try {
      fuse =
          server.mountDetached(
              device, Mounts.fuseSource(options), allowOther, options.attributes());
    } catch (MountException e) {
      if (e.errno() != Errno.EPERM || overlaid || options.replace()) {
        throw e;
      }
      server.mountByHelper(
          FileName.encode(Mounts.realPath(target)),
          Mounts.fuseSource(options),
          options.allowOther(),
          helperOptions());
      return;
    }
    open.push(fuse);
    if (mode == MountMode.PASSTHROUGH && !server.offersPassthrough()) {
      throw new MountException("mode passthrough needs Linux 6.9");
    }
    if (!overlaid) {
      place(fuse);
      return;
    }
    Fd top = overlay(mode, verification).detached(fuse);
    open.push(top);
    place(top);
  }

  private List<String> helperOptions() {
    List<String> more = new ArrayList<>();
    more.add("nosuid");
    more.add("nodev");
    if ((options.attributes() & Abi.MOUNT_ATTR_NOEXEC) != 0) {
      more.add("noexec");
    }
    return more;
  }

  private OverlayOnTop overlay(MountMode mode, Verification verification) throws IOException {
    List<Fd> objects = new ArrayList<>();
    if (mode == MountMode.OVERLAY) {
      for (Path directory : directories(mode)) {
        objects.add(directory(directory));
      }
    }
    Path upper = options.upper();
    Path work = options.work();
    boolean readOnly = upper == null || options.readOnly();
    return new OverlayOnTop(
        Mounts.source(options),
        !isRealRoot(),
        mode == MountMode.OVERLAY && verification == Verification.KERNEL,
        objects,
        upper == null ? null : directory(upper),
        work == null ? null : directory(work),
        readOnly ? OverlayOnTop.readOnly(options.attributes()) : options.attributes());
  }

  private Fd directory(Path path) throws IOException {
    Fd fd = Fd.open(RawPath.of(path), Abi.O_PATH | Abi.O_DIRECTORY);
    open.push(fd);
    return fd;
  }

  private void place(Fd mount) throws IOException {
    try (Fd place = Fd.open(RawPath.of(target), Abi.O_PATH | Abi.O_DIRECTORY)) {
      int result =
          options.replace()
              ? MountCalls.attachBeneath(mount, place)
              : MountCalls.attach(mount, place);
      if (result < 0) {
        throw new MountException(
            "cannot attach the mount to the mount point: " + Errno.text(-result),
            -result,
            List.of());
      }
    }
    if (options.replace()) {
      KernelMount.unmount(target, true);
    }
  }

  private void closeKept() {
    for (Closeable each : kept) {
      closeQuietly(each);
    }
  }

  private static void closeQuietly(@Nullable AutoCloseable closeable) {
    try {
      if (closeable != null) {
        closeable.close();
      }
    } catch (Exception e) {
      // it was only read
    }
  }
}
