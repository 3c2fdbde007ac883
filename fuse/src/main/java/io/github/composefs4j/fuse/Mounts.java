package io.github.composefs4j.fuse;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.fuse.attach.Fusermount;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountTable;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Mounts images in any mode, lists and unmounts them. Thread-safe. */
public final class Mounts {
  private static final String FUSE_TYPE = "fuse.composefs";
  private static final String SOURCE = "composefs:";

  /** What {@code fsconfig} takes. */
  private static final int SOURCE_MAX = 255;

  private Mounts() {}

  /**
   * Mounts an image.
   *
   * <p>Without a mode, the first of these that works: where verification by this process is asked
   * for, the mode that does it; else {@link MountMode#KERNEL}; {@link MountMode#OVERLAY}, if
   * verification by the kernel or none is asked for; {@link MountMode#VERIFIED}. Without a
   * verification, the kernel verifies in the modes in which it serves content, if the object
   * directories can have fs-verity at all; otherwise this process does, except in mode {@link
   * MountMode#KERNEL}, where nobody does then.
   *
   * @param target a directory, or a symlink to one
   * @throws MountException if no mode works; the message tells why for each
   * @throws IllegalArgumentException if mode and verification do not go together
   */
  public static MountedView mount(ViewOptions options, Path target) throws IOException {
    requirePair(options.mode(), options.verification());
    clean(target);
    if (options.replace() && MountTable.read().at(realPath(target)) == null) {
      return mount(options.withReplace(false), target);
    }
    MountMode mode = options.mode();
    if (mode != null) {
      return new Mounter(options, target).mount(mode, List.of());
    }
    List<String> notes = new ArrayList<>();
    MountException last = null;
    for (MountMode each : candidates(options)) {
      try {
        return new Mounter(options, target).mount(each, notes);
      } catch (MountException e) {
        notes.add("mode " + each.label() + ": " + e.getMessage());
        last = e;
      }
    }
    throw notes.size() == 1 && last != null ? last : new MountException(String.join("; ", notes));
  }

  /**
   * Refuses what does not go together.
   *
   * @throws IllegalArgumentException with a message for people
   */
  public static void requirePair(@Nullable MountMode mode, @Nullable Verification verification) {
    if (mode != null && verification != null && !mode.allows(verification)) {
      throw new IllegalArgumentException(
          "mode "
              + mode.label()
              + " cannot have verification "
              + verification.label()
              + (verification == Verification.ALWAYS || verification == Verification.OPEN
                  ? ": there the kernel reads the objects"
                  : ""));
    }
  }

  /** {@return whether, without a mode, the kernel's own mount is tried first} */
  public static boolean isKernelFirst(ViewOptions options) {
    return candidates(options).getFirst() == MountMode.KERNEL;
  }

  private static List<MountMode> candidates(ViewOptions options) {
    List<MountMode> candidates = new ArrayList<>();
    Verification verification = options.verification();
    if (options.store() == null && !options.objects().isEmpty()) {
      if (verification == null || MountMode.KERNEL.allows(verification)) {
        candidates.add(MountMode.KERNEL);
      }
      if (verification != null && MountMode.OVERLAY.allows(verification)) {
        candidates.add(MountMode.OVERLAY);
      }
      if (verification == Verification.OPEN) {
        candidates.add(MountMode.PASSTHROUGH);
      }
    }
    candidates.add(MountMode.VERIFIED);
    return candidates;
  }

  /** {@return the mounts of composefs images that this process sees, whoever made them} */
  public static List<MountTable.Entry> list() throws IOException {
    return MountTable.read().entries().stream().filter(Mounts::isComposefs).toList();
  }

  private static boolean isComposefs(MountTable.Entry entry) {
    return entry.type().equals(FUSE_TYPE)
        || entry.type().equals("overlay") && entry.source().startsWith(SOURCE);
  }

  /** How a mount answers. */
  public enum State {
    /** It answers. */
    MOUNTED,
    /** Nobody serves it any more: every use of it fails at once. */
    DEAD,
    /** It has not answered in time: its server is stopped, or has very much to do. */
    SILENT;

    /** {@return the word for people} */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** {@return how a mount answers; waits for it, but not for long} */
  public static State state(MountTable.Entry entry) {
    return new Inquiry(() -> isDead(entry) ? State.DEAD : State.MOUNTED).state();
  }

  private static boolean isDead(MountTable.Entry entry) {
    byte[] point = FileName.encode(entry.point());
    try (Fd root = Fd.open(point, Abi.O_PATH | Abi.O_DIRECTORY)) {
      if (entry.type().equals(FUSE_TYPE)) {
        // This, unlike attributes, is always asked of the server.
        return Sys.fileSystemType(root.number()) == -Errno.ENOTCONN;
      }
      // An overlay asks what is below it for names that nobody has asked for yet.
      byte[] fresh = FileName.encode(".composefs." + System.nanoTime());
      long name = Sys.scratch().path(fresh);
      return Sys.statx(root.number(), name, Abi.AT_SYMLINK_NOFOLLOW) == -Errno.ENOTCONN;
    } catch (ErrnoException e) {
      return e.errno() == Errno.ENOTCONN;
    }
  }

  /** Takes away what a killed server left on a directory. */
  private static void clean(Path target) throws IOException {
    MountTable.Entry seen = MountTable.read().at(realPath(target));
    if (seen != null && state(seen) == State.DEAD) {
      unmount(seen, true);
    }
  }

  /** {@return the place a path leads to, without asking a server that may be dead} */
  static String realPath(Path target) throws IOException {
    try (Fd place = Fd.open(RawPath.of(target), Abi.O_PATH | Abi.O_DIRECTORY)) {
      return FileName.decode(Sys.readlink(place.procPath()));
    }
  }

  /**
   * Takes away every mount that a killed server left.
   *
   * @return what was taken away; what this process may not unmount is left
   */
  public static List<MountTable.Entry> cleanAll() throws IOException {
    List<MountTable.Entry> gone = new ArrayList<>();
    for (MountTable.Entry entry : list().reversed()) {
      if (state(entry) == State.DEAD) {
        try {
          unmount(entry, true);
          gone.add(entry);
        } catch (MountException e) {
          // another user's
        }
      }
    }
    return gone;
  }

  /**
   * Unmounts what is mounted last on a directory, a symlink followed.
   *
   * @param lazy whether to take it out of sight at once and end it when its last user is gone,
   *     rather than fail if it is in use
   */
  public static void unmount(Path target, boolean lazy) throws IOException {
    try {
      KernelMount.unmount(target, lazy);
    } catch (MountException e) {
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
      Fusermount.unmount(RawPath.of(target));
    }
  }

  static void unmount(MountTable.Entry entry, boolean lazy) throws IOException {
    byte[] point = FileName.encode(entry.point());
    int flags = Abi.UMOUNT_NOFOLLOW | (lazy ? Abi.MNT_DETACH : 0);
    int result = MountCalls.umount(point, flags);
    if (result == -Errno.EPERM) {
      Fusermount.unmount(point);
    } else if (result < 0) {
      throw new MountException(
          FileName.printable(point) + ": " + Errno.text(-result), -result, List.of());
    }
  }

  /**
   * {@return whether a directory shows this image already, which is told by its digest} An image
   * without one may have changed, and one with a writable layer shows more than the image.
   */
  public static boolean isMounted(ViewOptions options, Path target) throws IOException {
    MountTable.Entry seen = MountTable.read().at(realPath(target));
    return seen != null
        && isComposefs(seen)
        && options.digest() != null
        && options.upper() == null
        && !options.replace()
        && seen.source().equals(SOURCE + options.digest().hex())
        && state(seen) != State.DEAD;
  }

  /** {@return what a FUSE mount is called in the mount table} */
  static byte[] fuseSource(ViewOptions options) {
    byte[] own = options.source() == null ? new byte[0] : FileName.encode(options.source());
    return own.length == 0 || own.length > SOURCE_MAX ? source(options) : own;
  }

  /** {@return what a mount is called in the mount table, by which it is known as ours} */
  static byte[] source(ViewOptions options) {
    String name =
        options.digest() != null
            ? options.digest().hex()
            : FileName.decode(KernelMount.label(RawPath.of(options.image())));
    byte[] source = FileName.encode(SOURCE + name);
    return source.length <= SOURCE_MAX ? source : java.util.Arrays.copyOf(source, SOURCE_MAX);
  }

  /** {@return options for the kernel's own mount} */
  static MountOptions kernelOptions(ViewOptions options) throws ComposefsException {
    if (options.store() != null || options.objects().isEmpty()) {
      throw new MountException("mode kernel needs object directories, and no other store");
    }
    MountOptions.Verity verity =
        options.verification() == null
            ? MountOptions.Verity.TRY
            : options.verification() == Verification.KERNEL
                ? MountOptions.Verity.REQUIRE
                : MountOptions.Verity.OFF;
    return new MountOptions(
        options.image(),
        options.objects(),
        verity == MountOptions.Verity.REQUIRE ? options.digest() : null,
        verity,
        options.upper(),
        options.work(),
        options.readOnly(),
        null,
        options.attributes(),
        false,
        false);
  }
}
