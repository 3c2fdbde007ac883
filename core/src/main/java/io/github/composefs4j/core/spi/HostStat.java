package io.github.composefs4j.core.spi;

/**
 * What the host says of a file.
 *
 * @param mode type and permission bits
 * @param nlink number of names on the host
 * @param rdev device number in the kernel's 32-bit encoding, 0 unless it is a device
 * @param size in bytes
 * @param dev identifies the host file system
 * @param ino identifies the file there
 */
public record HostStat(
    int mode,
    long nlink,
    int uid,
    int gid,
    int rdev,
    long size,
    long mtimeSeconds,
    int mtimeNanos,
    long ctimeSeconds,
    int ctimeNanos,
    long dev,
    long ino) {
  /** {@return which file it is} */
  public FileId id() {
    return new FileId(dev, ino);
  }

  /**
   * {@return whether nothing that changes with the content has changed: same file, size, mtime and
   * ctime}
   */
  public boolean sameContent(HostStat other) {
    return sameButForCtime(other)
        && ctimeSeconds == other.ctimeSeconds
        && ctimeNanos == other.ctimeNanos;
  }

  /** {@return whether this is the same file with the same size and mtime} */
  public boolean sameButForCtime(HostStat other) {
    return dev == other.dev
        && ino == other.ino
        && size == other.size
        && mtimeSeconds == other.mtimeSeconds
        && mtimeNanos == other.mtimeNanos;
  }
}
