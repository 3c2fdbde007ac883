package io.github.composefs4j.core.erofs;

import org.jspecify.annotations.Nullable;

/**
 * The versions of the image format, field {@code composefs_version} of the header (erofs-image.md
 * 1.1).
 */
public enum FormatVersion {
  /** What the C tools write by default: inodes breadth-first, overlay marks escaped. */
  V0(0),
  /**
   * As V0, with opaque marks on directories that hold whiteouts; V0 is raised to it when a tree has
   * whiteouts.
   */
  V1(1),
  /** The older format of composefs-rs: inodes depth-first, no marks, whole seconds. */
  V2(2);

  private final int number;

  FormatVersion(int number) {
    this.number = number;
  }

  /** {@return the number in the header} */
  public int number() {
    return number;
  }

  /** {@return the version of this number, or null if there is none} */
  public static @Nullable FormatVersion of(int number) {
    return switch (number) {
      case 0 -> V0;
      case 1 -> V1;
      case 2 -> V2;
      default -> null;
    };
  }
}
