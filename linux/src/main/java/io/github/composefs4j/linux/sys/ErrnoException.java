package io.github.composefs4j.linux.sys;

import io.github.composefs4j.core.errors.ComposefsException;

/** A system call failed. */
public final class ErrnoException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * A failure.
   *
   * @param what the file or feature concerned
   */
  public ErrnoException(String what, int errno) {
    super(what + ": " + Errno.text(errno));
    this.errno = errno;
  }

  /** {@return the error number} */
  public int errno() {
    return errno;
  }
}
