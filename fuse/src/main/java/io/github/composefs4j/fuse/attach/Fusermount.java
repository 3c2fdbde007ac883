package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.DescriptorHelper;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Mounts and unmounts through the set-id program of FUSE, for users without rights of their own
 * (fuse-and-mount.md 10.2).
 */
public final class Fusermount {
  private static final List<String> PROGRAMS = List.of("fusermount3", "fusermount");

  private Fusermount() {}

  /**
   * {@return a device that is mounted on a directory}
   *
   * @param target an absolute path
   * @param more further options that the program knows
   * @throws MountException if there is no such program, or it refuses: in its words
   */
  public static FuseDevice mount(
      byte[] target, byte[] source, boolean allowOther, List<String> more) throws IOException {
    ByteArrayOutputStream options = new ByteArrayOutputStream();
    append(options, "ro,default_permissions,subtype=composefs,fsname=");
    for (byte b : source) {
      if (b == ',' || b == '\\') {
        options.write('\\');
      }
      options.write(b);
    }
    if (allowOther) {
      append(options, ",allow_other");
    }
    for (String option : more) {
      append(options, "," + option);
    }
    List<byte[]> arguments = new ArrayList<>();
    arguments.add(bytes("-o"));
    arguments.add(options.toByteArray());
    arguments.add(bytes("--"));
    arguments.add(target);
    DescriptorHelper.Result result = run(arguments);
    if (result.descriptor() < 0) {
      throw new MountException(
          result.message().isEmpty()
              ? FileName.printable(target) + ": fusermount3 failed"
              : result.message().replace('\n', ' '));
    }
    return new FuseDevice(new Fd(result.descriptor()));
  }

  /**
   * Takes a mount, by its absolute path, of this user away at once; its users keep what they have
   * open.
   */
  public static void unmount(byte[] target) throws IOException {
    DescriptorHelper.Result result = run(List.of(bytes("-u"), bytes("-z"), bytes("--"), target));
    if (!result.message().isEmpty()) {
      throw new MountException(result.message().replace('\n', ' '));
    }
  }

  private static DescriptorHelper.Result run(List<byte[]> arguments) throws IOException {
    for (String program : PROGRAMS) {
      List<byte[]> command = new ArrayList<>();
      command.add(bytes(program));
      command.addAll(arguments);
      try {
        return DescriptorHelper.run(command, "_FUSE_COMMFD");
      } catch (ErrnoException e) {
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
    }
    throw new MountException(
        "no right to mount, and no program fusermount3 (package fuse3) to do it; another way is a"
            + " user namespace: unshare --user --map-root-user --mount");
  }

  private static void append(ByteArrayOutputStream to, String text) {
    to.writeBytes(bytes(text));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
