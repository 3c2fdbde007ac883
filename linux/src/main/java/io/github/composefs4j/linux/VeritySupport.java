package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.nio.file.Files;
import java.nio.file.Path;

/** Names what is missing for fs-verity, and file systems. */
final class VeritySupport {
  private VeritySupport() {}

  /**
   * {@return whether files of the file system can have fs-verity}
   *
   * <p>The measuring call on any open file or directory tells, without writing: "no data" where
   * there could be a digest, "not supported" or "not a terminal" elsewhere.
   */
  static boolean isPossible(Fd file) {
    return !KernelVerity.mayNotSupport(file.number());
  }

  /** {@return a clause that names what is missing: the kernel's support or the file system's} */
  static String missing(Fd file, byte[] path) {
    String type = fileSystem(file);
    boolean capable = type.equals("ext4") || type.equals("btrfs") || type.equals("f2fs");
    if (capable && !isInKernel()) {
      return kernel() + " is built without fs-verity";
    }
    String where = "file system " + type + " of " + FileName.printable(path);
    return capable
        ? where + " has fs-verity switched off" + (type.equals("ext4") ? " (feature verity)" : "")
        : where + " has no fs-verity";
  }

  static String kernel() {
    return "kernel " + System.getProperty("os.version");
  }

  /** {@return whether a file system of this kernel lists the feature} */
  static boolean isInKernel() {
    return Files.exists(Path.of("/sys/fs/ext4/features/verity"))
        || Files.exists(Path.of("/sys/fs/btrfs/features/verity"))
        || Files.exists(Path.of("/sys/fs/f2fs/features/verity"));
  }

  /** {@return the name of the file system an open file is on, its number if that is not known} */
  static String fileSystem(Fd file) {
    long type = Sys.fileSystemType(file.number());
    if (type < 0) {
      return "(" + Errno.text((int) -type) + ")";
    }
    return switch ((int) type) {
      case 0xEF53 -> "ext4";
      case 0x9123683E -> "btrfs";
      case 0xF2F52010 -> "f2fs";
      case 0x58465342 -> "xfs";
      case 0x01021994 -> "tmpfs";
      case 0x794c7630 -> "overlay";
      case 0xE0F5E1E2 -> "erofs";
      case 0x6969 -> "nfs";
      case 0x65735546 -> "fuse";
      case 0x73717368 -> "squashfs";
      case 0x2fc12fc1 -> "zfs";
      case 0xca451a4e -> "bcachefs";
      default -> "0x" + Long.toHexString(type);
    };
  }
}
