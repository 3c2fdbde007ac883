package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.tree.Inode;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The attributes of an inode. Immutable. An image has one time, which stands for all. */
record InodeAttributes(ComposefsFileSystem fileSystem, ImageInode inode)
    implements PosixFileAttributes {
  private static final PosixFilePermission[] PERMISSIONS = {
    PosixFilePermission.OTHERS_EXECUTE,
    PosixFilePermission.OTHERS_WRITE,
    PosixFilePermission.OTHERS_READ,
    PosixFilePermission.GROUP_EXECUTE,
    PosixFilePermission.GROUP_WRITE,
    PosixFilePermission.GROUP_READ,
    PosixFilePermission.OWNER_EXECUTE,
    PosixFilePermission.OWNER_WRITE,
    PosixFilePermission.OWNER_READ
  };

  /** Equal for the names of one inode of one image. */
  private record Key(ComposefsFileSystem fileSystem, long nid) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Key that && that.fileSystem == fileSystem && that.nid == nid;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(nid) * 31 + System.identityHashCode(fileSystem);
    }
  }

  private int type() {
    return inode.mode() & Inode.S_IFMT;
  }

  @Override
  public FileTime lastModifiedTime() {
    return FileTime.from(
        Instant.ofEpochSecond(
            Math.clamp(
                inode.mtimeSeconds(),
                Instant.MIN.getEpochSecond(),
                Instant.MAX.getEpochSecond() - (1L << 32)),
            Integer.toUnsignedLong(inode.mtimeNanos())));
  }

  @Override
  public FileTime lastAccessTime() {
    return lastModifiedTime();
  }

  @Override
  public FileTime creationTime() {
    return lastModifiedTime();
  }

  @Override
  public boolean isRegularFile() {
    return type() == Inode.S_IFREG;
  }

  @Override
  public boolean isDirectory() {
    return type() == Inode.S_IFDIR;
  }

  @Override
  public boolean isSymbolicLink() {
    return type() == Inode.S_IFLNK;
  }

  @Override
  public boolean isOther() {
    return !isRegularFile() && !isDirectory() && !isSymbolicLink();
  }

  @Override
  public long size() {
    return inode.size();
  }

  @Override
  public Object fileKey() {
    return new Key(fileSystem, inode.nid());
  }

  @Override
  public UserPrincipal owner() {
    return new NumericPrincipal.User(inode.uid());
  }

  @Override
  public GroupPrincipal group() {
    return new NumericPrincipal.Group(inode.gid());
  }

  @Override
  public Set<PosixFilePermission> permissions() {
    Set<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
    for (int bit = 0; bit < PERMISSIONS.length; bit++) {
      if ((inode.mode() & 1 << bit) != 0) {
        set.add(PERMISSIONS[bit]);
      }
    }
    return set;
  }
}
