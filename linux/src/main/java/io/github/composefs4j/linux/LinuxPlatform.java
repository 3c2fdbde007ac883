package io.github.composefs4j.linux;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.Sys;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** Linux, through system calls: sees everything. Thread-safe. */
public final class LinuxPlatform implements Platform {
  /** The platform, for {@code ServiceLoader}; touches nothing native until it is used. */
  public LinuxPlatform() {}

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
  public StoreDirectory openStore(Path path) throws IOException {
    try {
      Files.createDirectories(path);
    } catch (FileAlreadyExistsException e) {
      throw new java.nio.file.NotDirectoryException(path.toString());
    }
    return openExistingStore(path);
  }

  @Override
  public StoreDirectory openExistingStore(Path path) throws IOException {
    byte[] bytes = bytes(path);
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(bytes), Abi.O_DIRECTORY, 0);
    if (fd == -Errno.ENOENT) {
      throw new NoSuchFileException(path.toString());
    }
    return new LinuxStore(LinuxFiles.check(fd, bytes));
  }

  /** {@return the bytes of a path, which its text may not be able to tell, as an absolute path} */
  static byte[] bytes(Path path) {
    String raw = path.toUri().getRawPath();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '%') {
        bytes.write(HexFormat.fromHexDigits(raw, i + 1, i + 3));
        i += 2;
      } else {
        bytes.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
      }
    }
    byte[] result = bytes.toByteArray();
    // A URI of a directory ends in a slash, which would follow a symlink.
    return result.length > 1 && result[result.length - 1] == '/'
        ? java.util.Arrays.copyOf(result, result.length - 1)
        : result;
  }
}
