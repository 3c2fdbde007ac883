package io.github.composefs4j.linux.sys;

import io.github.composefs4j.core.tree.FileName;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A file descriptor with an owner. Closing is idempotent and thread-safe; using the number while
 * another thread closes it is not: see to it that the last user closes.
 */
public final class Fd implements AutoCloseable {
  private static final VarHandle NUMBER;

  static {
    try {
      NUMBER = MethodHandles.lookup().findVarHandle(Fd.class, "number", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private volatile int number;

  /** Takes over the descriptor. */
  public Fd(int number) {
    this.number = number;
  }

  /**
   * {@return an open file}
   *
   * @throws ErrnoException naming the path
   */
  public static Fd open(byte[] path, int flags) throws ErrnoException {
    int fd = Sys.openat(Abi.AT_FDCWD, Sys.scratch().path(path), flags, 0);
    if (fd < 0) {
      throw new ErrnoException(FileName.printable(path), -fd);
    }
    return new Fd(fd);
  }

  /**
   * {@return the descriptor's number}
   *
   * @throws IllegalStateException if it is closed
   */
  public int number() {
    int fd = number;
    if (fd < 0) {
      throw new IllegalStateException("the descriptor is closed");
    }
    return fd;
  }

  /** {@return a path that leads to the open file, whatever its name is now} */
  public byte[] procPath() {
    return ("/proc/self/fd/" + number()).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
  }

  /** {@return the number; the caller owns it from now on} */
  public int release() {
    return (int) NUMBER.getAndSet(this, -1);
  }

  @Override
  public void close() {
    int fd = release();
    if (fd >= 0) {
      Sys.close(fd); // errors of writing are asked for by fsync
    }
  }
}
