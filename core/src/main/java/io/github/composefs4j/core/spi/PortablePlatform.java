package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.tree.Inode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The platform of {@code java.nio.file}: no native access. */
final class PortablePlatform implements Platform {
  private static final String UNIX =
      "unix:mode,nlink,uid,gid,rdev,size,lastModifiedTime,ctime,dev,ino";

  @Override
  public String name() {
    return "portable";
  }

  @Override
  public List<String> limitations() {
    return List.of(
        "Only extended attributes of the user namespace are seen, on files and directories.",
        "Objects get no fs-verity, and are copied rather than reflinked.",
        "Objects are not synced to disk.",
        "Directories are followed by path: one that is renamed meanwhile may be missed, and one whose"
            + " path is longer than the system takes is an error.",
        "On file systems without Unix attributes owners are 0, hard links are files of their own, a"
            + " change shows by time and size only, and files that are neither regular, directories"
            + " nor symlinks are an error; without POSIX permissions modes are 0755 for directories"
            + " and 0644 for files.");
  }

  @Override
  public boolean isAvailable() {
    return true;
  }

  @Override
  public HostDirectory openDirectory(Path path, boolean followed) throws IOException {
    if (!(followed
        ? Files.isDirectory(path)
        : Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))) {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        throw new NoSuchFileException(path.toString());
      }
      throw new NotDirectoryException(path.toString());
    }
    return new PortableDirectory(followed ? path.toRealPath() : path);
  }

  @Override
  public StoreDirectory openStore(Path path) throws IOException {
    Files.createDirectories(path, directoryMode(path));
    return new PortableStore(path);
  }

  @Override
  public StoreDirectory openExistingStore(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    if (!Files.isDirectory(path)) {
      throw new NotDirectoryException(path.toString());
    }
    return new PortableStore(path);
  }

  /** {@return mode 0755, less the umask, for a new directory, where files have modes} */
  static FileAttribute<?>[] directoryMode(Path directory) {
    return directory.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x"))
        }
        : new FileAttribute<?>[0];
  }

  static HostStat stat(Path path) throws IOException {
    Set<String> views = path.getFileSystem().supportedFileAttributeViews();
    return views.contains("unix")
        ? unixStat(path)
        : views.contains("posix") ? posixStat(path) : basicStat(path);
  }

  private static HostStat posixStat(Path path) throws IOException {
    PosixFileAttributes all =
        Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    int permissions = 0;
    String text = PosixFilePermissions.toString(all.permissions());
    for (int i = 0; i < text.length(); i++) {
      permissions |= text.charAt(i) == '-' ? 0 : 0400 >> i;
    }
    return plainStat(path, all, permissions);
  }

  private static HostStat basicStat(Path path) throws IOException {
    BasicFileAttributes all =
        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    return plainStat(path, all, all.isDirectory() ? 0755 : all.isSymbolicLink() ? 0777 : 0644);
  }

  private static HostStat plainStat(Path path, BasicFileAttributes all, int permissions)
      throws IOException {
    int type;
    if (all.isDirectory()) {
      type = 0040000;
    } else if (all.isRegularFile()) {
      type = 0100000;
    } else if (all.isSymbolicLink()) {
      type = 0120000;
    } else {
      throw new FileSystemException(path.toString(), null, "a file of unknown type");
    }
    Instant mtime = all.lastModifiedTime().toInstant();
    Object key = all.fileKey();
    return new HostStat(
        type | permissions,
        1,
        0,
        0,
        0,
        all.size(),
        mtime.getEpochSecond(),
        mtime.getNano(),
        mtime.getEpochSecond(),
        mtime.getNano(),
        0,
        key == null ? 0 : key.hashCode());
  }

  private static HostStat unixStat(Path path) throws IOException {
    Map<String, Object> all = Files.readAttributes(path, UNIX, LinkOption.NOFOLLOW_LINKS);
    Instant mtime = ((FileTime) value(all, "lastModifiedTime")).toInstant();
    Instant ctime = ((FileTime) value(all, "ctime")).toInstant();
    long rdev = ((Number) value(all, "rdev")).longValue();
    return new HostStat(
        ((Number) value(all, "mode")).intValue(),
        ((Number) value(all, "nlink")).longValue(),
        ((Number) value(all, "uid")).intValue(),
        ((Number) value(all, "gid")).intValue(),
        kernelDevice(rdev),
        ((Number) value(all, "size")).longValue(),
        mtime.getEpochSecond(),
        mtime.getNano(),
        ctime.getEpochSecond(),
        ctime.getNano(),
        ((Number) value(all, "dev")).longValue(),
        ((Number) value(all, "ino")).longValue());
  }

  private static Object value(Map<String, Object> all, String name) throws IOException {
    Object value = all.get(name);
    if (value == null) {
      throw new IOException("the file system does not tell " + name);
    }
    return value;
  }

  /** From the C library's 64-bit encoding to the kernel's 32-bit one. */
  private static int kernelDevice(long device) {
    long major = device >>> 8 & 0xfff | device >>> 32 & 0xfffff000L;
    long minor = device & 0xff | device >>> 12 & 0xffffff00L;
    return (int) (minor & 0xff | major << 8 | (minor & ~0xffL) << 12);
  }

  private static void xattrs(Path path, HostDirectory.XattrSink sink) throws IOException {
    // Attributes are read through a descriptor: opening a FIFO would wait, a device might act.
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
        && !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(
            path, UserDefinedFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    if (view == null) {
      return;
    }
    for (String name : view.list()) {
      ByteBuffer value = ByteBuffer.allocate(view.size(name));
      view.read(name, value);
      sink.accept(("user." + name).getBytes(StandardCharsets.UTF_8), value.array());
    }
  }

  private record PortableDirectory(Path path) implements HostDirectory {
    @Override
    public HostStat stat() throws IOException {
      return PortablePlatform.stat(path);
    }

    @Override
    public HostStat stat(byte[] name) throws IOException {
      return PortablePlatform.stat(RawPath.resolve(path, name));
    }

    @Override
    public List<Entry> list() throws IOException {
      List<Entry> entries = new ArrayList<>();
      try (DirectoryStream<Path> children = Files.newDirectoryStream(path)) {
        for (Path child : children) {
          try {
            int type = PortablePlatform.stat(child).mode() & Inode.S_IFMT;
            entries.add(new Entry(RawPath.nameOf(child), type));
          } catch (NoSuchFileException e) {
            // gone since it was listed; the directory's own times tell the caller
          }
        }
      }
      return entries;
    }

    @Override
    public HostDirectory openDirectory(byte[] name) throws IOException {
      Path child = RawPath.resolve(path, name);
      if (!Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
        throw new NotDirectoryException(child.toString());
      }
      return new PortableDirectory(child);
    }

    @Override
    public HostDirectory openParent() {
      Path parent = path.toAbsolutePath().getParent();
      return new PortableDirectory(parent == null ? path : parent);
    }

    @Override
    public HostFile openFile(byte[] name) throws IOException {
      Path file = RawPath.resolve(path, name);
      // There is no O_NONBLOCK here: asking first is the best that can be done about FIFOs.
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw Files.exists(file, LinkOption.NOFOLLOW_LINKS)
            ? new FileSystemException(file.toString(), null, "not a regular file")
            : new NoSuchFileException(file.toString());
      }
      return new PortableFile(file);
    }

    @Override
    public byte[] readLink(byte[] name) throws IOException {
      return RawPath.asGiven(Files.readSymbolicLink(RawPath.resolve(path, name)));
    }

    @Override
    public void xattrs(byte[] name, XattrSink sink) throws IOException {
      PortablePlatform.xattrs(RawPath.resolve(path, name), sink);
    }

    @Override
    public void xattrs(XattrSink sink) throws IOException {
      PortablePlatform.xattrs(path, sink);
    }

    @Override
    public void close() {}
  }

  static final class PortableFile implements HostFile {
    private final Path path;
    private final FileChannel channel;

    PortableFile(Path path) throws IOException {
      this.path = path;
      this.channel = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    @Override
    public HostStat stat() throws IOException {
      return PortablePlatform.stat(path);
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return Math.max(0, channel.read(ByteBuffer.wrap(into, offset, length), position));
    }

    @Override
    public void xattrs(HostDirectory.XattrSink sink) throws IOException {
      PortablePlatform.xattrs(path, sink);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
