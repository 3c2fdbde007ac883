package io.github.composefs4j.linux.sys;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A file system that is being set up by fsopen(2) and its kind (fuse-and-mount.md 11.1). For one
 * thread.
 */
public final class FsContext implements AutoCloseable {
  /** Says what a failed step means. */
  @FunctionalInterface
  public interface Failure {
    /**
     * {@return what is thrown}
     *
     * @param step an option, or {@code fsopen}, {@code create} or {@code fsmount}
     * @param messages of the kernel, oldest first
     */
    IOException of(String step, int errno, List<String> messages);
  }

  private final Fd context;
  private final Failure failure;

  private FsContext(Fd context, Failure failure) {
    this.context = context;
    this.failure = failure;
  }

  /** {@return a context of this type of file system} */
  public static FsContext open(String type, Failure failure) throws IOException {
    int opened = MountCalls.fsopen(type);
    if (opened < 0) {
      throw failure.of("fsopen", -opened, List.of());
    }
    return new FsContext(new Fd(opened), failure);
  }

  /** Sets an option, at most 255 bytes. */
  public FsContext set(String key, byte[] value) throws IOException {
    check(key, MountCalls.setString(context, key, value));
    return this;
  }

  /** Sets an option to ASCII text. */
  public FsContext set(String key, String value) throws IOException {
    return set(key, value.getBytes(StandardCharsets.US_ASCII));
  }

  /** Sets an option to an open file. */
  public FsContext set(String key, Fd value) throws IOException {
    check(key, MountCalls.setFd(context, key, value));
    return this;
  }

  /** Sets an option without a value. */
  public FsContext flag(String key) throws IOException {
    check(key, MountCalls.setFlag(context, key));
    return this;
  }

  /**
   * {@return a mount of the file system, attached nowhere}
   *
   * @param attributes {@code MOUNT_ATTR_*} bits
   */
  public Fd mount(int attributes) throws IOException {
    check("create", MountCalls.create(context));
    return new Fd(check("fsmount", MountCalls.fsmount(context, attributes)));
  }

  private int check(String step, int result) throws IOException {
    if (result < 0) {
      throw failure.of(step, -result, MountCalls.log(context));
    }
    return result;
  }

  @Override
  public void close() {
    context.close();
  }
}
