package io.github.composefs4j.linux.sys;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Mount calls, the new ones (5.2) and the old (fuse-and-mount.md 11, 14). Results are 0 or a
 * descriptor, or the negated errno.
 */
public final class MountCalls {
  private MountCalls() {}

  /** Longest option string of the old call: what is longer is cut without an error. */
  public static final int OPTIONS_MAX = 4095;

  private static final byte[] EMPTY = {};

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** {@return a descriptor of a file system context} */
  public static int fsopen(String type) throws ErrnoException {
    return Sys.fsopen(Sys.scratch().path(ascii(type)));
  }

  /** Sets an option. A value of more than 255 bytes is refused by the kernel. */
  public static int setString(Fd context, String key, byte[] value) throws ErrnoException {
    Sys.Scratch scratch = Sys.scratch();
    long keyAt = scratch.path(ascii(key));
    long valueAt = scratch.path2(value);
    return Sys.fsconfig(context.number(), Abi.FSCONFIG_SET_STRING, keyAt, valueAt, 0);
  }

  /** Sets an option without a value. */
  public static int setFlag(Fd context, String key) throws ErrnoException {
    long keyAt = Sys.scratch().path(ascii(key));
    return Sys.fsconfig(context.number(), Abi.FSCONFIG_SET_FLAG, keyAt, 0, 0);
  }

  /** Sets an option to an open file. */
  public static int setFd(Fd context, String key, Fd value) throws ErrnoException {
    long keyAt = Sys.scratch().path(ascii(key));
    return Sys.fsconfig(context.number(), Abi.FSCONFIG_SET_FD, keyAt, 0, value.number());
  }

  /** Creates the superblock. */
  public static int create(Fd context) {
    return Sys.fsconfig(context.number(), Abi.FSCONFIG_CMD_CREATE, 0, 0, 0);
  }

  /** {@return a descriptor of a mount attached nowhere} */
  public static int fsmount(Fd context, int attributes) {
    return Sys.fsmount(context.number(), attributes);
  }

  /** {@return what the kernel had to say about a context, oldest first; it says it once} */
  public static List<String> log(Fd context) {
    List<String> messages = new ArrayList<>();
    MemorySegment data = Sys.scratch().data;
    long size;
    while ((size = Sys.read(context.number(), data, 1024)) > 0) {
      byte[] bytes = data.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
      String message = new String(bytes, StandardCharsets.UTF_8).strip();
      // "e overlay: Unknown parameter 'x'": e, w or i is the level.
      boolean leveled = message.length() > 2 && message.charAt(1) == ' ';
      messages.add(leveled ? message.substring(2) : message);
    }
    return messages;
  }

  /** {@return a descriptor of a copy, attached nowhere, of a mount and all below it} */
  public static int copyTree(byte[] path) throws ErrnoException {
    int flags = Abi.OPEN_TREE_CLONE | Abi.AT_RECURSIVE;
    return Sys.openTree(Abi.AT_FDCWD, Sys.scratch().path(path), flags);
  }

  /** Attaches a mount to an open directory. */
  public static int attach(Fd mount, Fd target) throws ErrnoException {
    long empty = Sys.scratch().path(EMPTY);
    int flags = Abi.MOVE_MOUNT_F_EMPTY_PATH | Abi.MOVE_MOUNT_T_EMPTY_PATH;
    return Sys.moveMount(mount.number(), empty, target.number(), empty, flags);
  }

  /**
   * Attaches a mount to an open directory under what is mounted there now, to be seen when that is
   * unmounted (Linux 6.5).
   */
  public static int attachBeneath(Fd mount, Fd target) throws ErrnoException {
    long empty = Sys.scratch().path(EMPTY);
    int flags = Abi.MOVE_MOUNT_F_EMPTY_PATH | Abi.MOVE_MOUNT_T_EMPTY_PATH | Abi.MOVE_MOUNT_BENEATH;
    return Sys.moveMount(mount.number(), empty, target.number(), empty, flags);
  }

  /** Maps the owners of a detached mount (Linux 5.12). */
  public static int idmap(Fd mount, Fd userNamespace) throws ErrnoException {
    Sys.Scratch scratch = Sys.scratch();
    MemorySegment attributes = scratch.struct;
    attributes.set(ValueLayout.JAVA_LONG, 0, Abi.MOUNT_ATTR_IDMAP);
    attributes.set(ValueLayout.JAVA_LONG, 8, 0);
    attributes.set(ValueLayout.JAVA_LONG, 16, 0);
    attributes.set(ValueLayout.JAVA_LONG, 24, userNamespace.number());
    return Sys.mountSetattr(mount.number(), scratch.path(EMPTY), Abi.AT_EMPTY_PATH, attributes);
  }

  /**
   * The old call.
   *
   * @param options at most {@link #OPTIONS_MAX} bytes
   */
  public static int mount(byte[] source, byte[] target, String type, int flags, byte[] options)
      throws ErrnoException {
    if (options.length > OPTIONS_MAX) {
      throw new IllegalArgumentException(options.length + " bytes of options");
    }
    Sys.Scratch scratch = Sys.scratch();
    // The kernel copies a whole page from where the options are.
    byte[] page = Arrays.copyOf(options, OPTIONS_MAX + 1);
    MemorySegment.copy(page, 0, scratch.data, ValueLayout.JAVA_BYTE, 0, page.length);
    byte[] name = Arrays.copyOf(ascii(type), type.length() + 1);
    MemorySegment.copy(name, 0, scratch.struct, ValueLayout.JAVA_BYTE, 0, name.length);
    long sourceAt = scratch.path(source);
    long targetAt = scratch.path2(target);
    return Sys.mount(sourceAt, targetAt, scratch.struct.address(), flags, scratch.data.address());
  }

  /** The old call on a mount point; {@code MNT_DETACH} and its kind. */
  public static int umount(byte[] target, int flags) throws ErrnoException {
    return Sys.umount(Sys.scratch().path(target), flags);
  }

  /** {@return the number of a free loop device} */
  public static int freeLoop(Fd control) {
    return Sys.ioctl(control.number(), Abi.LOOP_CTL_GET_FREE, 0);
  }

  /**
   * Sets up a loop device.
   *
   * @param name shown by {@code losetup}, cut to 63 bytes
   */
  public static int configureLoop(Fd device, Fd file, byte[] name, int blockSize, int flags) {
    MemorySegment config = Sys.scratch().struct;
    config.asSlice(0, 304).fill((byte) 0);
    config.set(ValueLayout.JAVA_INT, 0, file.number());
    config.set(ValueLayout.JAVA_INT, 4, blockSize);
    loopInfo(config, 8, name, flags);
    return Sys.ioctl(device.number(), Abi.LOOP_CONFIGURE, config.address());
  }

  /** The same in two steps, for kernels before 5.8. */
  public static int setLoop(Fd device, Fd file, byte[] name, int flags) {
    int result = Sys.ioctl(device.number(), Abi.LOOP_SET_FD, file.number());
    if (result < 0) {
      return result;
    }
    MemorySegment info = Sys.scratch().struct;
    info.asSlice(0, 232).fill((byte) 0);
    loopInfo(info, 0, name, flags);
    result = Sys.ioctl(device.number(), Abi.LOOP_SET_STATUS64, info.address());
    if (result < 0) {
      Sys.ioctl(device.number(), Abi.LOOP_CLR_FD, 0);
    }
    return result;
  }

  /** Fills {@code struct loop_info64} at {@code at}: flags at 52, name at 56. */
  private static void loopInfo(MemorySegment struct, long at, byte[] name, int flags) {
    struct.set(ValueLayout.JAVA_INT, at + 52, flags);
    MemorySegment.copy(name, 0, struct, ValueLayout.JAVA_BYTE, at + 56, Math.min(name.length, 63));
  }
}
