package io.github.composefs4j.linux.sys;

import java.nio.file.FileSystemException;

/** A system call failed. The reason is the C library's text. */
public final class ErrnoException extends FileSystemException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * A failure.
   *
   * @param what the file or feature concerned
   */
  public ErrnoException(String what, int errno) {
    super(what, null, Errno.text(errno));
    this.errno = errno;
  }

  /** {@return the error number} */
  public int errno() {
    return errno;
  }
}
