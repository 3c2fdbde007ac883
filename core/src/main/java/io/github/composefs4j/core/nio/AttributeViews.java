package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ImageInode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileOwnerAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.nio.file.attribute.UserPrincipal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The views of files' attributes, by class and by name. */
final class AttributeViews {
  private static final String USER = "user.";

  /** The views that attributes can be read of by name. */
  static final Set<String> NAMES = Set.of("basic", "owner", "posix", "unix", "user", "xattr");

  private static final Map<String, Function<InodeAttributes, Object>> BASIC =
      ordered(
          Map.entry("size", InodeAttributes::size),
          Map.entry("creationTime", InodeAttributes::creationTime),
          Map.entry("lastAccessTime", InodeAttributes::lastAccessTime),
          Map.entry("lastModifiedTime", InodeAttributes::lastModifiedTime),
          Map.entry("isDirectory", InodeAttributes::isDirectory),
          Map.entry("isRegularFile", InodeAttributes::isRegularFile),
          Map.entry("isSymbolicLink", InodeAttributes::isSymbolicLink),
          Map.entry("isOther", InodeAttributes::isOther),
          Map.entry("fileKey", InodeAttributes::fileKey));

  private static final Map<String, Function<InodeAttributes, Object>> POSIX =
      joined(
          BASIC,
          Map.entry("permissions", InodeAttributes::permissions),
          Map.entry("owner", InodeAttributes::owner),
          Map.entry("group", InodeAttributes::group));

  /** With the names and types that the JDK's own view of this name has. */
  private static final Map<String, Function<InodeAttributes, Object>> UNIX =
      joined(
          POSIX,
          Map.entry("mode", of -> of.inode().mode()),
          Map.entry("ino", of -> of.inode().nid()),
          Map.entry("dev", of -> of.fileSystem().device()),
          Map.entry("rdev", of -> Integer.toUnsignedLong(of.inode().rdev())),
          Map.entry("nlink", of -> of.inode().nlink()),
          Map.entry("uid", of -> of.inode().uid()),
          Map.entry("gid", of -> of.inode().gid()),
          Map.entry("ctime", InodeAttributes::lastModifiedTime));

  private AttributeViews() {}

  @SafeVarargs
  private static Map<String, Function<InodeAttributes, Object>> ordered(
      Map.Entry<String, Function<InodeAttributes, Object>>... entries) {
    return joined(Map.of(), entries);
  }

  @SafeVarargs
  private static Map<String, Function<InodeAttributes, Object>> joined(
      Map<String, Function<InodeAttributes, Object>> base,
      Map.Entry<String, Function<InodeAttributes, Object>>... entries) {
    Map<String, Function<InodeAttributes, Object>> all = new LinkedHashMap<>(base);
    for (Map.Entry<String, Function<InodeAttributes, Object>> entry : entries) {
      all.put(entry.getKey(), entry.getValue());
    }
    return all;
  }

  /** Finds the inode of a view's file, anew for each call: it may not be there. */
  @FunctionalInterface
  interface Target {
    ImageInode inode() throws IOException;
  }

  /** {@return the view of this type, or null if there is none} */
  static <V extends FileAttributeView> @Nullable V of(
      Class<V> type, ComposefsFileSystem fileSystem, String name, Target target) {
    if (type == BasicFileAttributeView.class) {
      return type.cast(new Basic(fileSystem, target));
    }
    if (type == PosixFileAttributeView.class) {
      return type.cast(new Posix(fileSystem, target));
    }
    if (type == FileOwnerAttributeView.class) {
      return type.cast(new Owner(fileSystem, target));
    }
    if (type == UserDefinedFileAttributeView.class) {
      return type.cast(new UserDefined(name, target));
    }
    if (type == XattrView.class) {
      return type.cast(new Xattrs(name, target));
    }
    return null;
  }

  /**
   * {@return attributes by name}
   *
   * @param wanted {@code [view:]name[,name…]}, where a name {@code *} stands for all
   * @throws UnsupportedOperationException if there is no such view
   * @throws IllegalArgumentException if a view has no such attribute
   */
  static Map<String, Object> read(String wanted, InodeAttributes of) throws IOException {
    int colon = wanted.indexOf(':');
    String view = colon < 0 ? "basic" : wanted.substring(0, colon);
    String[] names = wanted.substring(colon + 1).split(",", -1);
    Map<String, Object> result = new LinkedHashMap<>();
    switch (view) {
      case "basic" -> choose(BASIC, names, of, result);
      case "posix" -> choose(POSIX, names, of, result);
      case "unix" -> choose(UNIX, names, of, result);
      case "owner" -> choose(Map.of("owner", InodeAttributes::owner), names, of, result);
      case "user" -> chooseXattrs(InodeXattrs.below(of.inode(), USER), names, result);
      case "xattr" -> chooseXattrs(InodeXattrs.below(of.inode(), ""), names, result);
      default -> throw new UnsupportedOperationException("View '" + view + "' not available");
    }
    return result;
  }

  private static void choose(
      Map<String, Function<InodeAttributes, Object>> all,
      String[] names,
      InodeAttributes of,
      Map<String, Object> result) {
    for (String name : names) {
      if (name.equals("*")) {
        all.forEach((each, value) -> result.put(each, value.apply(of)));
        continue;
      }
      Function<InodeAttributes, Object> value = all.get(name);
      if (value == null) {
        throw new IllegalArgumentException("'" + name + "' not recognized");
      }
      result.put(name, value.apply(of));
    }
  }

  private static void chooseXattrs(
      Map<String, byte[]> all, String[] names, Map<String, Object> result)
      throws FileSystemException {
    for (String name : names) {
      if (name.equals("*")) {
        result.putAll(all);
        continue;
      }
      byte[] value = all.get(name);
      if (value == null) {
        throw new FileSystemException(null, null, "no extended attribute '" + name + "'");
      }
      result.put(name, value);
    }
  }

  private record Basic(ComposefsFileSystem fileSystem, Target target)
      implements BasicFileAttributeView {
    @Override
    public String name() {
      return "basic";
    }

    @Override
    public InodeAttributes readAttributes() throws IOException {
      return new InodeAttributes(fileSystem, target.inode());
    }

    @Override
    public void setTimes(
        @Nullable FileTime modified, @Nullable FileTime accessed, @Nullable FileTime created) {
      throw new ReadOnlyFileSystemException();
    }
  }

  private record Posix(ComposefsFileSystem fileSystem, Target target)
      implements PosixFileAttributeView {
    @Override
    public String name() {
      return "posix";
    }

    @Override
    public InodeAttributes readAttributes() throws IOException {
      return new InodeAttributes(fileSystem, target.inode());
    }

    @Override
    public UserPrincipal getOwner() throws IOException {
      return readAttributes().owner();
    }

    @Override
    public void setTimes(
        @Nullable FileTime modified, @Nullable FileTime accessed, @Nullable FileTime created) {
      throw new ReadOnlyFileSystemException();
    }

    @Override
    public void setOwner(UserPrincipal owner) {
      throw new ReadOnlyFileSystemException();
    }

    @Override
    public void setGroup(GroupPrincipal group) {
      throw new ReadOnlyFileSystemException();
    }

    @Override
    public void setPermissions(Set<PosixFilePermission> permissions) {
      throw new ReadOnlyFileSystemException();
    }
  }

  private record Owner(ComposefsFileSystem fileSystem, Target target)
      implements FileOwnerAttributeView {
    @Override
    public String name() {
      return "owner";
    }

    @Override
    public UserPrincipal getOwner() throws IOException {
      return new InodeAttributes(fileSystem, target.inode()).owner();
    }

    @Override
    public void setOwner(UserPrincipal owner) {
      throw new ReadOnlyFileSystemException();
    }
  }

  private static byte[] value(Map<String, byte[]> all, String file, String name)
      throws FileSystemException {
    byte[] value = all.get(name);
    if (value == null) {
      throw new FileSystemException(file, null, "no extended attribute '" + name + "'");
    }
    return value;
  }

  private record UserDefined(String file, Target target) implements UserDefinedFileAttributeView {
    @Override
    public String name() {
      return "user";
    }

    private Map<String, byte[]> all() throws IOException {
      return InodeXattrs.below(target.inode(), USER);
    }

    @Override
    public List<String> list() throws IOException {
      return List.copyOf(all().keySet());
    }

    @Override
    public int size(String name) throws IOException {
      return value(all(), file, name).length;
    }

    @Override
    public int read(String name, ByteBuffer into) throws IOException {
      byte[] value = value(all(), file, name);
      if (value.length > into.remaining()) {
        throw new FileSystemException(
            file, null, "extended attribute '" + name + "' has " + value.length + " bytes");
      }
      into.put(value);
      return value.length;
    }

    @Override
    public int write(String name, ByteBuffer value) {
      throw new ReadOnlyFileSystemException();
    }

    @Override
    public void delete(String name) {
      throw new ReadOnlyFileSystemException();
    }
  }

  private record Xattrs(String file, Target target) implements XattrView {
    @Override
    public List<String> list() throws IOException {
      return List.copyOf(InodeXattrs.below(target.inode(), "").keySet());
    }

    @Override
    public byte[] read(String name) throws IOException {
      return value(InodeXattrs.below(target.inode(), ""), file, name);
    }
  }
}
