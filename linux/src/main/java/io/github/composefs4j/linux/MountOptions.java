package io.github.composefs4j.linux;

import io.github.composefs4j.core.verity.Digest;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an image is mounted by the kernel (dump-format.md 13.4).
 *
 * @param image a regular file or a block device
 * @param objects object directories, looked up in order; at least one
 * @param digest what the kernel must measure of the image, or null
 * @param verity whether the kernel checks content against its digests
 * @param upper writable layer, or null; together with {@code work}
 * @param readOnly whether the mount is read-only although it has a writable layer; without one it
 *     always is
 * @param idmap the user namespace file whose mapping of ids is applied, or null
 * @param attributes further {@code MOUNT_ATTR_*} bits
 * @param loopDevice go through a loop device even if the kernel can mount the file
 * @param oldInterface use {@code mount(2)} even if the kernel has the newer interface
 */
public record MountOptions(
    Path image,
    List<Path> objects,
    @Nullable Digest digest,
    Verity verity,
    @Nullable Path upper,
    @Nullable Path work,
    boolean readOnly,
    @Nullable Path idmap,
    int attributes,
    boolean loopDevice,
    boolean oldInterface) {
  /** {@code MOUNT_ATTR_NOSUID}: set-id bits have no effect. */
  public static final int NOSUID = 2;

  /** {@code MOUNT_ATTR_NODEV}: devices cannot be opened. */
  public static final int NODEV = 4;

  /** {@code MOUNT_ATTR_NOEXEC}: programs cannot be executed. */
  public static final int NOEXEC = 8;

  /** {@code MOUNT_ATTR_NOATIME}: access times are not kept. */
  public static final int NOATIME = 0x10;

  /** Whether the kernel checks content. */
  public enum Verity {
    /** No check. */
    OFF,
    /** Checked where kernel and file systems can. */
    TRY,
    /** Checked, or not mounted. */
    REQUIRE
  }

  /** {@return a plain read-only mount} */
  public static MountOptions of(Path image, List<Path> objects) {
    return new MountOptions(
        image, objects, null, Verity.OFF, null, null, true, null, 0, false, false);
  }
}
