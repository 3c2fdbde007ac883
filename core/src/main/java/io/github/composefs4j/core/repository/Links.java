package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The symlinks of one category (repository.md, sections 2, 6.1 and 7): entries, which lead to
 * objects, and below {@code refs} the refs, which lead to entries. No lock is taken here and
 * nothing is durable before the directories are synced. Thread-safe.
 */
final class Links {
  static final String REFS = "refs";
  static final String OBJECTS = "objects";
  private static final int NAME_MAX = 255;
  private static final int REF_MAX = 4000;
  private static final int DEPTH_MAX = 256;
  private static final int TEMPORARY_TRIES = 16;
  private static final String ALPHANUMERIC =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

  private final StoreDirectory root;
  private final Category category;
  private final HashAlgorithm algorithm;

  Links(StoreDirectory root, Category category, HashAlgorithm algorithm) {
    this.root = root;
    this.category = category;
    this.algorithm = algorithm;
  }

  /** {@return whether this is the name of one of the directories below {@link #OBJECTS}} */
  static boolean isObjectDirectory(byte[] name) {
    return name.length == 2 && isHexDigit(name[0]) && isHexDigit(name[1]);
  }

  private static boolean isHexDigit(byte digit) {
    return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
  }

  static boolean isDirectory(HostStat stat) {
    return (stat.mode() & Inode.S_IFMT) == Inode.S_IFDIR;
  }

  Category category() {
    return category;
  }

  /** {@return the path of an entry in the repository} */
  String entryPath(String name) {
    return category.directory() + "/" + name;
  }

  /** {@return the path of a ref in the repository} */
  String refPath(String name) {
    return category.directory() + "/" + REFS + "/" + name;
  }

  /**
   * A link as it lies there.
   *
   * @param name of an entry, or path below {@code refs}
   * @param type what it is: only symlinks belong here
   */
  record Found(String name, EntryType type) {}

  /** {@return everything at the first level but the directory {@code refs}, sorted bytewise} */
  List<Found> entries() throws IOException {
    List<Found> found = new ArrayList<>();
    root.list(
        bytes(category.directory()),
        (name, type) -> {
          String text = FileName.decode(name);
          if (!(text.equals(REFS) && type == EntryType.DIRECTORY)) {
            found.add(new Found(text, type));
          }
        });
    sort(found);
    return found;
  }

  /** {@return everything below {@code refs} but directories, sorted bytewise} */
  List<Found> allRefs() throws IOException {
    return allRefs(null);
  }

  /**
   * {@return everything below {@code refs} but directories, sorted bytewise}
   *
   * @param directories receives the paths of directories, parents first; null if not wanted
   */
  List<Found> allRefs(@Nullable List<String> directories) throws IOException {
    List<Found> found = new ArrayList<>();
    walk("", 0, found, directories);
    sort(found);
    return found;
  }

  private void walk(String prefix, int depth, List<Found> found, @Nullable List<String> directories)
      throws IOException {
    List<String> below = new ArrayList<>();
    String path = category.directory() + "/" + REFS + (depth == 0 ? "" : "/" + prefix);
    root.list(
        bytes(path),
        (name, type) -> {
          String text = depth == 0 ? FileName.decode(name) : prefix + "/" + FileName.decode(name);
          if (type == EntryType.DIRECTORY && depth < DEPTH_MAX) {
            below.add(text);
          } else {
            found.add(new Found(text, type));
          }
        });
    for (String each : below) {
      if (directories != null) {
        directories.add(each);
      }
      walk(each, depth + 1, found, directories);
    }
  }

  private static void sort(List<Found> found) {
    // No combined comparator: these are made anew in each process, and most commands list links.
    found.sort(
        (a, b) -> Arrays.compareUnsigned(FileName.encode(a.name()), FileName.encode(b.name())));
  }

  /** {@return all refs that are symlinks, sorted bytewise} */
  List<Ref> refs() throws IOException {
    List<Ref> refs = new ArrayList<>();
    for (Found found : allRefs()) {
      if (found.type() == EntryType.SYMLINK) {
        String target = text(refPath(found.name()));
        String entry = target == null ? null : lastComponent(target);
        if (entry != null) {
          refs.add(new Ref(found.name(), entry));
        }
      }
    }
    return refs;
  }

  /** {@return the text of a link, or null if there is nothing, or no link} */
  @Nullable String text(String path) throws IOException {
    byte[] path8 = bytes(path);
    HostStat stat = root.stat(path8);
    if (stat == null || (stat.mode() & Inode.S_IFMT) != Inode.S_IFLNK) {
      return null;
    }
    byte[] text = root.readLink(path8);
    return text == null ? null : FileName.decode(text);
  }

  /** {@return the last component of a link's text, or null if it has none, as {@code ..}} */
  static @Nullable String lastComponent(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == '/') {
      end--;
    }
    String last = text.substring(text.lastIndexOf('/', end - 1) + 1, end);
    return last.isEmpty() || last.equals(".") || last.equals("..") ? null : last;
  }

  /** {@return the entry that a ref leads to, or null if there is no such ref} */
  @Nullable String entryOf(String ref) throws IOException {
    String text = isRefName(ref) ? text(refPath(ref)) : null;
    return text == null ? null : lastComponent(text);
  }

  /**
   * {@return the object that an entry leads to (2.1), or null if there is no such entry}
   *
   * @throws RepositoryException if it leads elsewhere
   */
  @Nullable Digest object(String entry) throws IOException {
    String text = isComponent(entry) ? text(entryPath(entry)) : null;
    if (text == null) {
      return null;
    }
    Digest digest = parseTarget(text);
    if (digest == null) {
      throw new RepositoryException(
          Reason.BROKEN_LINK, entryPath(entry) + ": leads to '" + text + "', which is no object");
    }
    return digest;
  }

  /** {@return the digest at the end of a link's text, or null if it is none of this algorithm} */
  @Nullable Digest parseTarget(String text) {
    int length = 2 * algorithm.size() + 1;
    int start = text.length() - length;
    if (start < 0 || text.charAt(start + 2) != '/') {
      return null;
    }
    String hex = text.substring(start, start + 2) + text.substring(start + 3);
    return isHex(hex) ? Digest.parse(hex) : null;
  }

  static boolean isHex(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (!HexFormat.isHexDigit(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  /** {@return whether text is the hex digest of this repository's algorithm, in lower case} */
  boolean isDigest(String text) {
    return text.length() == 2 * algorithm.size()
        && isHex(text)
        && text.equals(text.toLowerCase(Locale.ROOT));
  }

  static boolean isComponent(String name) {
    int length = FileName.encode(name).length;
    return length > 0
        && length <= NAME_MAX
        && !name.equals(".")
        && !name.equals("..")
        && name.indexOf('/') < 0
        && name.indexOf('\0') < 0;
  }

  static boolean isRefName(String name) {
    return name.length() <= REF_MAX
        && Arrays.stream(name.split("/", -1)).allMatch(Links::isComponent);
  }

  /**
   * Checks that a ref can be made, before any work is done for it.
   *
   * @throws RepositoryException if the name is not allowed, is a directory or lies below a ref
   */
  void requireRefName(String name) throws IOException {
    if (!isRefName(name)) {
      throw new RepositoryException(
          Reason.INVALID_NAME, "'" + FileName.printable(bytes(name)) + "' cannot be a ref name");
    }
    for (int slash = name.indexOf('/'); ; slash = name.indexOf('/', slash + 1)) {
      boolean last = slash < 0;
      String part = last ? name : name.substring(0, slash);
      HostStat stat = root.stat(bytes(refPath(part)));
      if (stat == null) {
        return;
      }
      int expected = last ? Inode.S_IFLNK : Inode.S_IFDIR;
      if ((stat.mode() & Inode.S_IFMT) != expected) {
        throw new RepositoryException(
            Reason.INVALID_NAME,
            "ref '" + name + "': " + refPath(part) + " is no " + (last ? "link" : "directory"));
      }
      if (last) {
        return;
      }
    }
  }

  /** Checks that something can be an entry. */
  void requireEntryName(String name) throws RepositoryException {
    if (!isComponent(name) || name.equals(REFS)) {
      throw new RepositoryException(
          Reason.INVALID_NAME,
          "'" + FileName.printable(bytes(name)) + "' cannot name a " + category.singular());
    }
  }

  /** Makes the directories that entries and these refs are in. */
  void makeDirectories(Collection<String> refs) throws IOException {
    makeDirectory(category.directory());
    if (!refs.isEmpty()) {
      makeDirectory(category.directory() + "/" + REFS);
    }
    for (String ref : refs) {
      for (int slash = ref.indexOf('/'); slash >= 0; slash = ref.indexOf('/', slash + 1)) {
        makeDirectory(refPath(ref.substring(0, slash)));
      }
    }
  }

  /** {@return the directories of entries and refs that are there, parents first} */
  List<String> directories() throws IOException {
    List<String> below = new ArrayList<>();
    allRefs(below);
    List<String> all =
        new ArrayList<>(List.of(category.directory(), category.directory() + "/" + REFS));
    below.forEach(each -> all.add(refPath(each)));
    List<String> there = new ArrayList<>();
    for (String each : all) {
      HostStat stat = root.stat(bytes(each));
      if (stat != null && isDirectory(stat)) {
        there.add(each);
      }
    }
    return there;
  }

  /** Makes or replaces an entry. Adds the directory that must be synced. */
  void putEntry(String name, Digest object, Set<String> dirty) throws IOException {
    String path = new String(object.objectPath(), StandardCharsets.US_ASCII);
    put(entryPath(name), "../" + OBJECTS + "/" + path, dirty);
  }

  /** Makes or replaces a ref. Adds the directory that must be synced. */
  void putRef(String name, String entry, Set<String> dirty) throws IOException {
    String up = "../".repeat(name.split("/", -1).length);
    put(refPath(name), up + entry, dirty);
  }

  private void makeDirectory(String path) throws IOException {
    if (!root.makeDirectory(bytes(path))) {
      HostStat stat = root.stat(bytes(path));
      if (stat == null || !isDirectory(stat)) {
        throw new RepositoryException(Reason.INVALID_NAME, path + ": is not a directory");
      }
    }
  }

  static String parent(String path) {
    int slash = path.lastIndexOf('/');
    return slash < 0 ? "." : path.substring(0, slash);
  }

  /** Readers see the old or the new target, never none (6.1). */
  private void put(String path, String target, Set<String> dirty) throws IOException {
    // Also what is there already may not be durable yet.
    dirty.add(parent(path));
    if (root.makeLink(bytes(path), bytes(target)) || target.equals(text(path))) {
      return;
    }
    for (int attempt = 0; attempt < TEMPORARY_TRIES; attempt++) {
      byte[] temporary = bytes(temporaryName());
      if (root.makeLink(temporary, bytes(target))) {
        try {
          root.rename(temporary, bytes(path));
        } catch (IOException e) {
          root.remove(temporary);
          throw e;
        }
        return;
      }
    }
    throw new IOException("no free name for a temporary link");
  }

  /** Where the reference puts them too: nobody's collector takes them for anything else. */
  private static String temporaryName() {
    StringBuilder name = new StringBuilder(".symlink-");
    for (int i = 0; i < 12; i++) {
      int random = ThreadLocalRandom.current().nextInt(ALPHANUMERIC.length());
      name.append(ALPHANUMERIC.charAt(random));
    }
    return name.toString();
  }

  /** {@return whether a ref was there and is gone} */
  boolean removeRef(String name, Set<String> dirty) throws IOException {
    if (!isRefName(name) || text(refPath(name)) == null || !root.remove(bytes(refPath(name)))) {
      return false;
    }
    dirty.add(parent(refPath(name)));
    return true;
  }

  /** Removes any link. */
  boolean remove(String path, Set<String> dirty) throws IOException {
    dirty.add(parent(path));
    return root.remove(bytes(path));
  }

  static byte[] bytes(String path) {
    return FileName.encode(path);
  }
}
