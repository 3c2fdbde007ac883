package io.github.composefs4j.fuse;

import io.github.composefs4j.core.verified.Verification;
import java.util.Locale;

/** Who serves metadata and content of a mounted image; docs/views.md compares them. */
public enum MountMode {
  /** The kernel, both: EROFS and overlayfs. */
  KERNEL,
  /** This process, both. */
  VERIFIED,
  /** Metadata by this process; content by the kernel, from objects this process opened. */
  PASSTHROUGH,
  /** Metadata by this process; content by overlayfs, from the object directories. */
  OVERLAY;

  /** {@return whether content can be verified in this way} */
  public boolean allows(Verification verification) {
    return switch (this) {
      case VERIFIED -> true;
      case PASSTHROUGH -> verification != Verification.ALWAYS;
      case KERNEL, OVERLAY ->
          verification == Verification.KERNEL || verification == Verification.OFF;
    };
  }

  /** {@return the name as an option} */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
