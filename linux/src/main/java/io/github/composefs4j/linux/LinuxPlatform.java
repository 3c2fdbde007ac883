package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.TargetDirectory;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Linux, through system calls: sees everything. Thread-safe. */
public final class LinuxPlatform implements Platform {
  private final boolean unnamedFiles;

  /** The platform, for {@code ServiceLoader}; touches nothing native until it is used. */
  public LinuxPlatform() {
    this(true);
  }

  /**
   * A platform.
   *
   * @param unnamedFiles whether to make temporary files without a name where that is possible
   */
  LinuxPlatform(boolean unnamedFiles) {
    this.unnamedFiles = unnamedFiles;
  }

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public List<String> limitations() {
    return List.of();
  }

  @Override
  public boolean isAvailable() {
    return System.getProperty("os.name").equals("Linux")
        && LinuxPlatform.class.getModule().isNativeAccessEnabled();
  }

  /** Makes ready what the first system call needs, if this platform is available. */
  public void prepare() {
    if (isAvailable()) {
      Sys.scratch();
    }
  }

  @Override
  public HostDirectory openDirectory(Path path, boolean followed) throws IOException {
    byte[] bytes = bytes(path);
    int flags = Abi.O_DIRECTORY | (followed ? 0 : Abi.O_NOFOLLOW);
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), flags, 0);
    if (fd == -Errno.ENOENT) {
      throw new NoSuchFileException(path.toString());
    }
    return new LinuxFiles.Directory(LinuxFiles.check(fd, bytes));
  }

  @Override
  public TargetDirectory openTarget(Path path) throws IOException {
    byte[] bytes = bytes(path);
    int result = makeDirectories(bytes);
    if (result < 0 && result != -Errno.EEXIST) {
      throw new ErrnoException(LinuxFiles.printable(bytes), -result);
    }
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), Abi.O_DIRECTORY, 0);
    return new LinuxTarget(LinuxFiles.check(fd, bytes));
  }

  @Override
  public StoreDirectory openStore(Path path) throws IOException {
    byte[] bytes = bytes(path);
    int result = makeDirectories(bytes);
    if (result < 0 && result != -Errno.EEXIST) {
      throw new ErrnoException(LinuxFiles.printable(bytes), -result);
    }
    try {
      return openExistingStore(path);
    } catch (NoSuchFileException e) { // a symlink to nowhere
      throw new ErrnoException(LinuxFiles.printable(bytes), Errno.ENOTDIR);
    }
  }

  private static int makeDirectories(byte[] path) throws ErrnoException {
    int result = Sys.mkdirat(Abi.AT_FDCWD, Sys.scratch().path(path), 0755);
    int slash = path.length - 1;
    while (slash > 0 && path[slash] != '/') {
      slash--;
    }
    if (result != -Errno.ENOENT || slash <= 0) {
      return result;
    }
    int parent = makeDirectories(Arrays.copyOf(path, slash));
    return parent < 0 && parent != -Errno.EEXIST
        ? parent
        : Sys.mkdirat(Abi.AT_FDCWD, Sys.scratch().path(path), 0755);
  }

  @Override
  public StoreDirectory openExistingStore(Path path) throws IOException {
    byte[] bytes = bytes(path);
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), Abi.O_DIRECTORY, 0);
    if (fd == -Errno.ENOENT) {
      throw new NoSuchFileException(path.toString());
    }
    return new LinuxStore(LinuxFiles.check(fd, bytes), unnamedFiles);
  }

  /** {@return the bytes of a path, which its text may not be able to tell, as an absolute path} */
  static byte[] bytes(Path path) {
    return RawPath.of(path);
  }

  /**
   * {@return whether this process is in the system's own user namespace, where root has all rights}
   */
  public static boolean isInitialUserNamespace() {
    try {
      // The first namespace maps every id to itself.
      String map = Files.readString(Path.of("/proc/self/uid_map")).strip();
      return map.matches("0\\s+0\\s+4294967295");
    } catch (IOException e) {
      return true; // no /proc: nobody can tell
    }
  }
}
