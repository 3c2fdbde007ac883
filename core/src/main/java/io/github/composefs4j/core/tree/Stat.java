package io.github.composefs4j.core.tree;

/**
 * What {@code stat(2)} says of an inode, apart from kind, size and device.
 *
 * @param permissions the low twelve mode bits: set-id, sticky and rwx
 * @param nlink number of names, an unsigned 32-bit value. Not counted by the model: writers of V0
 *     and V1 images store it as it is. Ignored for directories, whose value follows from their
 *     children
 * @param uid owner, an unsigned 32-bit value
 * @param gid group, an unsigned 32-bit value
 * @param mtimeSeconds seconds of the modification time since 1970, may be negative
 * @param mtimeNanos nanoseconds within the second, an unsigned 32-bit value (below 10^9 in anything
 *     but hand-made dumps)
 */
public record Stat(
    int permissions, int nlink, int uid, int gid, long mtimeSeconds, int mtimeNanos) {
  /** The mask of the bits that {@link #permissions} may have. */
  public static final int PERMISSION_BITS = 07777;

  /** Rejects permissions with bits above the low twelve. */
  public Stat {
    if ((permissions & ~PERMISSION_BITS) != 0) {
      throw new IllegalArgumentException("permissions " + Integer.toOctalString(permissions));
    }
  }

  /** {@return a stat of one link, owned by root, at time 0} */
  public static Stat of(int permissions) {
    return new Stat(permissions, 1, 0, 0, 0, 0);
  }

  /** {@return this with another modification time} */
  public Stat withMtime(long seconds, int nanos) {
    return new Stat(permissions, nlink, uid, gid, seconds, nanos);
  }

  /** {@return this with another number of links} */
  public Stat withNlink(int count) {
    return new Stat(permissions, count, uid, gid, mtimeSeconds, mtimeNanos);
  }

  /** {@return this with another owner and group} */
  public Stat withOwner(int owner, int group) {
    return new Stat(permissions, nlink, owner, group, mtimeSeconds, mtimeNanos);
  }
}
