package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.Finding.State;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what this kernel, file system and user allow, by trying: releases say little, since
 * distributions add features to old kernels. Trials use mounts that are attached nowhere and files
 * without a name; nothing is left behind.
 */
public final class Diagnosis {
  private static final String FUSE_INSTEAD = "mount through FUSE instead";

  private static final String WRITABLE = "ask about a directory you may write to";

  private final List<Finding> findings = new ArrayList<>();

  private Diagnosis() {}

  /**
   * {@return what was found out, in the order in which a mount needs it}
   *
   * @param directory where object directories and images are or shall be; its file system is asked
   *     about fs-verity and reflinks
   */
  public static List<Finding> of(Path directory) throws IOException {
    Diagnosis diagnosis = new Diagnosis();
    diagnosis.kernel();
    diagnosis.erofs();
    diagnosis.loop();
    diagnosis.overlay();
    diagnosis.fuse();
    diagnosis.userNamespaces();
    diagnosis.fileSystem(directory);
    return List.copyOf(diagnosis.findings);
  }

  private void add(String subject, State state, String detail, String remedy) {
    findings.add(new Finding(subject, state, detail, remedy));
  }

  private void add(String subject, int result, String remedy) {
    if (result >= 0) {
      add(subject, State.YES, "", "");
    } else if (result == -Errno.EPERM || result == -Errno.EACCES) {
      add(subject, State.UNKNOWN, Errno.text(-result), "ask again as root");
    } else {
      add(subject, State.NO, Errno.text(-result), remedy);
    }
  }

  private void kernel() {
    add("kernel", State.YES, System.getProperty("os.version"), "");
  }

  private void erofs() throws IOException {
    int result = MountCalls.fsopen("erofs");
    try (Fd context = result < 0 ? null : new Fd(result)) {
      if (context == null && (result == -Errno.EPERM || result == -Errno.ENOSYS)) {
        boolean listed = isListed("erofs");
        add(
            "EROFS",
            listed ? State.YES : State.UNKNOWN,
            listed ? "" : Errno.text(-result),
            listed ? "" : "modprobe erofs; otherwise " + FUSE_INSTEAD);
      } else {
        add("EROFS", result, "a kernel with module erofs; otherwise " + FUSE_INSTEAD);
      }
    }
  }

  /**
   * An empty file is no image: how it is refused tells whether files are taken at all, from this
   * file system (tmpfs, for one, is not among them).
   */
  private void erofsFromFile(Fd directory, String subject) throws IOException {
    int result = MountCalls.fsopen("erofs");
    if (result < 0) {
      add(subject, State.UNKNOWN, Errno.text(-result), "");
      return;
    }
    try (Fd context = new Fd(result);
        Fd file = unnamed(directory)) {
      MountCalls.setString(context, "source", file.procPath());
      MountCalls.setFlag(context, "ro");
      add(
          subject,
          MountCalls.create(context) == -Errno.ENOTBLK ? -Errno.ENOTBLK : 0,
          "Linux 6.12 and a disk file system; mounts use a loop device without it");
    } catch (ErrnoException e) {
      add(subject, State.UNKNOWN, Errno.text(e.errno()), WRITABLE);
    }
  }

  private static boolean isListed(String type) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/filesystems"))) {
      if (line.endsWith("\t" + type)) {
        return true;
      }
    }
    return false;
  }

  private void loop() throws IOException {
    add("loop device", open("/dev/loop-control", Abi.O_RDWR), "modprobe loop");
  }

  private static int open(String path, int flags) throws ErrnoException {
    byte[] bytes = path.getBytes(StandardCharsets.US_ASCII);
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), flags, 0);
    if (fd >= 0) {
      Sys.close(fd);
      return 0;
    }
    return fd;
  }

  private void overlay() throws IOException {
    int result = MountCalls.fsopen("overlay");
    if (result < 0) {
      if (result == -Errno.EPERM && isListed("overlay")) {
        add("overlayfs", State.YES, "", "");
      } else {
        add("overlayfs", result, "a kernel with module overlay; otherwise " + FUSE_INSTEAD);
      }
      return;
    }
    try (Fd context = new Fd(result)) {
      add("overlayfs", State.YES, "", "");
      // Before 6.5 the old interface stands behind the new one and takes any word.
      boolean knows = MountCalls.setString(context, "composefs", new byte[] {'x'}) < 0;
      add(
          "overlayfs on the new mount calls",
          knows ? State.YES : State.NO,
          "",
          knows ? "" : "Linux 6.5; mount(2) is used without it");
      int verity = MountCalls.setString(context, "verity", ascii("require"));
      add(
          "overlayfs option verity",
          knows ? verity : -Errno.EINVAL,
          "Linux 6.6; leave verity out, or use tryverity");
    }
    layers("overlayfs with data-only layers", false, "Linux 6.5");
    layers(
        "overlayfs with userxattr and data-only layers",
        true,
        "Linux 6.16; without it rootless mounts serve the content of files by FUSE too");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Makes an overlay of two empty directories, attached nowhere. */
  private void layers(String subject, boolean userXattr, String remedy) throws IOException {
    try (TemporaryMountPoint lower = TemporaryMountPoint.create();
        TemporaryMountPoint data = TemporaryMountPoint.create();
        Fd context = new Fd(MountCalls.fsopen("overlay"))) {
      if (userXattr) {
        MountCalls.setFlag(context, "userxattr");
      } else {
        MountCalls.setString(context, "metacopy", ascii("on"));
        MountCalls.setString(context, "redirect_dir", ascii("on"));
      }
      int result = MountCalls.setString(context, "lowerdir+", lower.path());
      result = result < 0 ? result : MountCalls.setString(context, "datadir+", data.path());
      result = result < 0 ? result : MountCalls.create(context);
      add(subject, result, remedy);
    }
  }

  private void fuse() throws IOException {
    add("FUSE device", open("/dev/fuse", Abi.O_RDWR), "modprobe fuse; access to /dev/fuse");
    Path helper = find("fusermount3");
    add(
        "fusermount3",
        helper == null ? State.NO : State.YES,
        helper == null ? "" : helper.toString(),
        helper == null ? "install package fuse3, for FUSE mounts without root" : "");
  }

  /** The places a package puts programs; the search path is the caller's business. */
  private static @Nullable Path find(String program) {
    for (String directory : new String[] {"/usr/bin", "/bin", "/usr/local/bin"}) {
      Path path = Path.of(directory, program);
      if (Files.isExecutable(path)) {
        return path;
      }
    }
    return null;
  }

  private void userNamespaces() throws IOException {
    String subject = "user namespaces";
    String remedy = unshareRemedy();
    Path unshare = find("unshare");
    if (unshare == null) {
      add(subject, State.UNKNOWN, "no program unshare", "install package util-linux");
      return;
    }
    // A process with threads, such as this, cannot enter one itself.
    Process child =
        new ProcessBuilder(unshare.toString(), "-Urm", "true")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (!child.waitFor(2, TimeUnit.SECONDS)) {
        child.destroyForcibly();
        add(subject, State.UNKNOWN, "unshare does not end", "");
      } else if (child.exitValue() == 0) {
        add(subject, State.YES, "", "");
      } else {
        add(subject, State.NO, "unshare was refused", remedy);
      }
    } catch (InterruptedException e) {
      child.destroyForcibly();
      Thread.currentThread().interrupt();
      add(subject, State.UNKNOWN, "interrupted", "");
    }
  }

  private static String unshareRemedy() throws IOException {
    for (String setting :
        new String[] {
          "user.max_user_namespaces=0",
          "kernel.unprivileged_userns_clone=0",
          "kernel.apparmor_restrict_unprivileged_userns=1"
        }) {
      int equals = setting.indexOf('=');
      Path file = Path.of("/proc/sys", setting.substring(0, equals).replace('.', '/'));
      if (Files.isReadable(file)
          && Files.readString(file).strip().equals(setting.substring(equals + 1))) {
        return "sysctl " + setting + " forbids it";
      }
    }
    return "not possible inside a chroot or a container that forbids it";
  }

  private void fileSystem(Path directory) throws IOException {
    byte[] path = LinuxPlatform.bytes(directory);
    try (Fd fd = Fd.open(path, Abi.O_DIRECTORY)) {
      String type = VeritySupport.fileSystem(fd);
      String where = " on " + FileName.printable(path) + " (" + type + ")";
      erofsFromFile(fd, "EROFS from a file" + where);
      boolean inKernel = VeritySupport.isInKernel();
      add(
          "fs-verity in the kernel",
          inKernel ? State.YES : State.NO,
          "",
          inKernel ? "" : "a kernel built with CONFIG_FS_VERITY; use tryverity without it");
      verity(fd, path, "fs-verity" + where);
      reflink(fd, "reflinks" + where);
    }
  }

  private static Fd unnamed(Fd directory) throws IOException {
    byte[] path = directory.procPath();
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(path), Abi.O_TMPFILE | Abi.O_RDWR, 0600);
    if (fd < 0) {
      throw new ErrnoException(FileName.printable(path), -fd);
    }
    return new Fd(fd);
  }

  /** {@return an empty file without a name, open for reading only} */
  private static Fd emptyFile(Fd directory) throws IOException {
    try (Fd writer = unnamed(directory)) {
      return Fd.open(writer.procPath(), Abi.O_RDONLY);
    }
  }

  private void verity(Fd directory, byte[] path, String subject) throws IOException {
    boolean possible;
    try (Fd reader = emptyFile(directory)) {
      KernelVerity.enable(reader.number(), HashAlgorithm.SHA256);
      possible = KernelVerity.measure(reader.number()).isPresent();
    } catch (ErrnoException e) {
      // Cannot write here: the directory itself tells whether its files could have it.
      possible = VeritySupport.isPossible(directory);
    }
    add(
        subject,
        possible ? State.YES : State.NO,
        possible ? "" : VeritySupport.missing(directory, path),
        possible
            ? ""
            : "ext4 with feature verity (tune2fs -O verity) or btrfs; use tryverity without it");
  }

  private void reflink(Fd directory, String subject) throws IOException {
    try (Fd from = unnamed(directory);
        Fd to = unnamed(directory)) {
      int result = Sys.ioctl(to.number(), Abi.FICLONE, from.number());
      boolean possible = result == 0;
      add(
          subject,
          possible ? State.YES : State.NO,
          possible ? "" : Errno.text(-result),
          possible ? "" : "XFS or btrfs; files are copied into the store without it");
    } catch (ErrnoException e) {
      add(subject, State.UNKNOWN, Errno.text(e.errno()), WRITABLE);
    }
  }
}
