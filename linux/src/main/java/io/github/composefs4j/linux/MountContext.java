package io.github.composefs4j.linux;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** A file system context of the newer mount interface (fuse-and-mount.md 11). */
final class MountContext implements AutoCloseable {
  private static final int SET_FLAG = 0;
  private static final int SET_STRING = 1;
  private static final int SET_FD = 5;
  private static final int CREATE = 6;

  private final String type;
  private final int fd;

  private MountContext(String type, int fd) {
    this.type = type;
    this.fd = fd;
  }

  static MountContext open(String type) throws IOException {
    int fd = Sys.fsopen(Sys.scratch().path(ascii(type)));
    if (fd == -Errno.ENODEV) {
      throw new ComposefsException(
          "this kernel has no " + type + " file system (or its module is not loaded)");
    }
    if (fd < 0) {
      throw new ErrnoException(type, -fd);
    }
    return new MountContext(type, fd);
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  void flag(String key) throws IOException {
    require(key, Sys.fsconfig(fd, SET_FLAG, Sys.scratch().path(ascii(key)), 0, 0));
  }

  void string(String key, String value) throws IOException {
    require(key, tryString(key, value));
  }

  int tryString(String key, String value) throws IOException {
    Sys.Scratch scratch = Sys.scratch();
    return Sys.fsconfig(fd, SET_STRING, scratch.path(ascii(key)), scratch.path2(ascii(value)), 0);
  }

  int tryFd(String key, int value) throws IOException {
    return Sys.fsconfig(fd, SET_FD, Sys.scratch().path(ascii(key)), 0, value);
  }

  int tryCreate() {
    return Sys.fsconfig(fd, CREATE, 0, 0, 0);
  }

  /** {@return the descriptor of a detached mount} */
  int mount(int attributes) throws IOException {
    int mount = Sys.fsmount(fd, attributes);
    require("fsmount", mount);
    return mount;
  }

  void require(String what, int result) throws IOException {
    if (result < 0) {
      throw failure(what, -result);
    }
  }

  /** {@return the error with what the kernel says about it} */
  IOException failure(String what, int errno) {
    StringBuilder text = new StringBuilder(type).append(": ").append(what).append(": ");
    text.append(Errno.text(errno));
    while (true) {
      Sys.Scratch scratch = Sys.scratch();
      long length = Sys.read(fd, scratch.data, 4096);
      if (length <= 0) {
        return new ComposefsException(text.toString());
      }
      byte[] message =
          scratch.data.asSlice(0, length).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
      text.append("; the kernel says: ")
          .append(new String(message, StandardCharsets.UTF_8).strip().replace('\n', ' '));
    }
  }

  @Override
  public void close() {
    Sys.close(fd);
  }
}
