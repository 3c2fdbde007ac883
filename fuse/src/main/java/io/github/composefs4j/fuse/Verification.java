package io.github.composefs4j.fuse;

import java.util.Locale;

/** Who holds content to its digests, and when. */
public enum Verification {
  /** This process, each block at each read. */
  ALWAYS,
  /** This process, the whole object when it is opened; later changes of it are not seen. */
  OPEN,
  /** The kernel, each block: an object without fs-verity of the right digest is not opened. */
  KERNEL,
  /** Nobody. */
  OFF;

  /** {@return the name as an option} */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
