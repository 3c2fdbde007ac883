package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.XattrSet;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Second phase of writing: what attributes every inode gets (escaped, marked, with metacopy and
 * redirect), and which pairs are shared (erofs-image.md 4.1, 4.4, 5, 11).
 */
final class XattrTable {
  private static final byte[] OVERLAY = FileName.encode("trusted.overlay.");
  private static final byte[] ACL_ACCESS = FileName.encode("system.posix_acl_access");
  private static final byte[] ACL_DEFAULT = FileName.encode("system.posix_acl_default");

  private static final Mark[] WHITEOUT_MARKS = {
    new Mark("trusted.overlay.overlay.whiteout", ""), new Mark("user.overlay.whiteout", "")
  };
  private static final Mark[] PARENT_MARKS = {
    new Mark("trusted.overlay.overlay.whiteouts", ""), new Mark("user.overlay.whiteouts", "")
  };
  private static final Mark[] PARENT_MARKS_V1 = {
    new Mark("trusted.overlay.overlay.opaque", "x"), new Mark("user.overlay.opaque", "x")
  };
  private static final Mark[] ROOT_MARKS = {new Mark("trusted.overlay.opaque", "y")};

  private static final int WHITEOUT = 1;
  private static final int WHITEOUT_PARENT = 2;
  private static final int ROOT = 4;

  private record Mark(byte[] name, byte[] value) {
    Mark(String name, String value) {
      this(FileName.encode(name), FileName.encode(value));
    }
  }

  private final InodeTable inodes;
  private final FormatVersion version;
  private final Map<Xattr, Xattr> pairs = new HashMap<>();
  private final Map<XattrSet, XattrList> plain = new HashMap<>();
  private final Map<XattrListKey, XattrList> special = new HashMap<>();

  /**
   * By inode; null if no other inode has the same attributes. Such a list is {@linkplain #ownList
   * made} whenever it is needed: kept, lists of their own of a million inodes would take more than
   * the tree.
   */
  private final @Nullable XattrList[] lists;

  private final Repetitions repeatedSets;
  private final Repetitions repeatedObjects;

  /** Objects that some file names in another way than by digest. */
  private final Set<Digest> elsewhere = new HashSet<>();

  /** The first inode of each object that may be that of several. */
  private final Map<Digest, Integer> firstOfObject = new HashMap<>();

  /** Pairs of inodes without a list. */
  private long ownPairs;

  /** By inode without a list: the size of the body, but for the entries of its object. */
  private int[] ownSizes = {};

  /** Pairs that may belong to several inodes: only these are in {@link #pairs}. */
  private Repetitions repeatedPairs = new Repetitions(0);

  /** Inodes whose object is in their list because another inode has a pair in common with it. */
  private final BitSet inList = new BitSet();

  private final ObjectEntries sha256;
  private final ObjectEntries sha512;
  private Xattr[] shared = {};
  private long sharedSize;
  private boolean hasAcl;

  private XattrTable(InodeTable inodes) {
    this.inodes = inodes;
    this.version = inodes.version;
    this.lists = new XattrList[inodes.inodes.length];
    this.repeatedSets = new Repetitions(lists.length);
    this.repeatedObjects = new Repetitions(lists.length);
    this.sha256 = new ObjectEntries(HashAlgorithm.SHA256, version);
    this.sha512 = new ObjectEntries(HashAlgorithm.SHA512, version);
  }

  /** {@return the attributes of all inodes} */
  static XattrTable collect(InodeTable inodes) throws InvalidTreeException {
    XattrTable table = new XattrTable(inodes);
    for (Inode inode : inodes.inodes) {
      table.note(inode);
    }
    for (int i = 0; i < table.lists.length; i++) {
      table.findCommonObject(i);
    }
    for (int i = 0; i < table.lists.length; i++) {
      table.assignList(i);
    }
    table.findCommonPairs();
    table.share();
    return table;
  }

  /**
   * {@return the digest from which both metacopy and redirect of this inode follow, or null if it
   * is not external, or not of that kind}
   */
  @Nullable Digest object(Inode inode) {
    if (!(inode instanceof RegularFile file)) {
      return null;
    }
    if (file.isCanonicalObject()) {
      return file.digest();
    }
    // V2 has no free paths: the path is that of the digest.
    return version == FormatVersion.V2 ? file.digest() : null;
  }

  // What is done with each inode is a method of its own: it is compiled after some hundred of
  // them, where a loop would be interpreted for some thousand.

  /** Notes what inodes have, to tell what comes only once. */
  private void note(Inode inode) {
    repeatedSets.add(inode.xattrs().hashCode());
    if (!(inode instanceof RegularFile file)) {
      return;
    }
    Digest digest = object(file);
    if (digest != null) {
      repeatedObjects.add(digest.hashCode());
    } else if (file.inlineBytes() == null && file.content() instanceof Content.External external) {
      if (external.digest() != null) {
        elsewhere.add(external.digest());
      }
      Digest named = ObjectPath.digest(external.path());
      if (named != null) {
        elsewhere.add(named);
      }
    }
  }

  /** Marks an inode whose metacopy or redirect occurs a second time, and the first of them. */
  private void findCommonObject(int number) {
    Digest digest = object(inodes.inodes[number]);
    if (digest == null) {
      return;
    }
    if (!elsewhere.isEmpty() && elsewhere.contains(digest)) {
      inList.set(number);
    }
    if (repeatedObjects.mayRepeat(digest.hashCode())) {
      Integer other = firstOfObject.putIfAbsent(digest, number);
      if (other != null) {
        inList.set(number);
        inList.set(other);
      }
    }
  }

  private void assignList(int number) throws InvalidTreeException {
    Inode inode = inodes.inodes[number];
    int roles = roles(number, inode);
    Xattr metacopy = null;
    Xattr redirect = null;
    if (inode instanceof RegularFile file) {
      Digest digest = object(file);
      if (digest != null) {
        if (inList.get(number)) {
          metacopy = intern(Xattr.metacopy(digest, version));
          redirect = intern(Xattr.redirect(digest, version));
        }
      } else if (file.inlineBytes() == null) {
        Content content = file.content();
        if (content instanceof Content.External external) {
          metacopy = intern(Xattr.metacopy(external.digest(), version));
          redirect = redirect(external.path());
        } else if (content instanceof Content.Sparse) {
          metacopy = intern(Xattr.metacopy(null, version));
        }
      }
    }
    XattrSet input = inode.xattrs();
    XattrList list;
    if (roles == 0 && metacopy == null) {
      if (!input.isEmpty() && !repeatedSets.mayRepeat(input.hashCode())) {
        ownPairs += input.size();
        return;
      }
      list = plain.get(input);
      if (list == null) {
        list = list(input, 0, null, null);
        plain.put(input, list);
      }
    } else {
      XattrListKey key = new XattrListKey(input, roles, metacopy, redirect);
      list = special.get(key);
      if (list == null) {
        list = list(input, roles, metacopy, redirect);
        special.put(key, list);
      }
    }
    list.users++;
    lists[number] = list;
  }

  private int roles(int number, Inode inode) {
    if (version == FormatVersion.V2) {
      return 0;
    }
    int roles = number == 0 ? ROOT : 0;
    if (inodes.isEscapedWhiteout(inode)) {
      roles |= WHITEOUT;
    }
    if (inode instanceof Directory directory) {
      for (int k = 0; k < directory.size(); k++) {
        if (inodes.isEscapedWhiteout(directory.child(k)) && !directory.isLink(k)) {
          return roles | WHITEOUT_PARENT;
        }
      }
    }
    return roles;
  }

  private @Nullable Xattr redirect(byte @Nullable [] path) throws InvalidTreeException {
    if (path == null || path.length == 0) {
      return null;
    }
    Digest digest = ObjectPath.digest(path);
    if (digest == null && version == FormatVersion.V2) {
      throw new InvalidTreeException(
          "V2 images need an object path instead of " + FileName.printable(path));
    }
    return intern(digest != null ? Xattr.redirect(digest, version) : Xattr.redirect(path, version));
  }

  private Xattr intern(Xattr xattr) {
    Xattr known = pairs.putIfAbsent(xattr, xattr);
    return known == null ? xattr : known;
  }

  /** Interns those pairs of inodes without a list that another inode may have, too. */
  private void findCommonPairs() {
    firstOfObject.clear();
    if (ownPairs == 0) {
      return;
    }
    ownSizes = new int[lists.length];
    repeatedPairs = new Repetitions(ownPairs + pairs.size());
    for (Xattr pair : pairs.keySet()) {
      if (!pair.isOfObject()) {
        repeatedPairs.addRepeated(pair.longHash());
      }
    }
    for (int i = 0; i < lists.length; i++) {
      if (lists[i] == null) {
        for (XattrSet.Cursor c = inodes.inodes[i].xattrs().cursor(); c.next(); ) {
          repeatedPairs.add(storedHash(c));
        }
      }
    }
    for (int i = 0; i < lists.length; i++) {
      if (lists[i] == null) {
        for (XattrSet.Cursor c = inodes.inodes[i].xattrs().cursor(); c.next(); ) {
          if (repeatedPairs.mayRepeat(storedHash(c))) {
            intern(new Xattr(storedName(c), c.value(), version)).count++;
          }
        }
      }
    }
  }

  private byte[] storedName(XattrSet.Cursor cursor) {
    byte[] name = cursor.name();
    hasAcl |= Arrays.equals(name, ACL_ACCESS) || Arrays.equals(name, ACL_DEFAULT);
    return Xattr.startsWith(name, OVERLAY) ? escaped(name) : name;
  }

  /** As {@link Xattr#longHash} of the pair that is stored. */
  private long storedHash(XattrSet.Cursor c) {
    byte[] name = c.array();
    int from = c.nameOffset();
    int length = c.nameLength();
    if (c.nameStartsWith(OVERLAY)) {
      name = storedName(c);
      from = 0;
      length = name.length;
    }
    return Repetitions.hash(
        Repetitions.hash(0, name, from, length), c.array(), c.valueOffset(), c.valueLength());
  }

  /** {@return the list of an inode whose attributes are like those of no other} */
  private XattrList ownList(int number) {
    XattrSet input = inodes.inodes[number].xattrs();
    List<Xattr> result = new ArrayList<>(input.size());
    for (XattrSet.Cursor c = input.cursor(); c.next(); ) {
      Xattr pair = new Xattr(storedName(c), c.value(), version);
      Xattr known = repeatedPairs.mayRepeat(pair.longHash()) ? pairs.get(pair) : null;
      result.add(known == null ? pair : known);
    }
    XattrList list = sorted(result);
    list.measure(version);
    return list;
  }

  private XattrList list(
      XattrSet input, int roles, @Nullable Xattr metacopy, @Nullable Xattr redirect) {
    List<Xattr> result = new ArrayList<>(input.size() + 4);
    for (XattrSet.Cursor c = input.cursor(); c.next(); ) {
      set(result, storedName(c), c.value());
    }
    if ((roles & WHITEOUT) != 0) {
      setAll(result, WHITEOUT_MARKS);
    }
    if ((roles & WHITEOUT_PARENT) != 0) {
      setAll(result, PARENT_MARKS);
      if (version == FormatVersion.V1) {
        setAll(result, PARENT_MARKS_V1);
      }
    }
    if ((roles & ROOT) != 0) {
      setAll(result, ROOT_MARKS);
    }
    if (version == FormatVersion.V2) {
      if (redirect != null) {
        result.addFirst(redirect);
      }
      if (metacopy != null) {
        result.addFirst(metacopy);
      }
      return sorted(result);
    }
    if (metacopy != null) {
      result.add(metacopy);
    }
    if (redirect != null) {
      result.add(redirect);
    }
    return sorted(result);
  }

  private XattrList sorted(List<Xattr> pairs) {
    if (version == FormatVersion.V2) {
      return new XattrList(pairs.toArray(Xattr[]::new), 0, 0); // in the order of the input
    }
    pairs.sort((a, b) -> Arrays.compareUnsigned(a.name, b.name));
    return new XattrList(
        pairs.toArray(Xattr[]::new),
        countBelow(pairs, Xattr.METACOPY),
        countBelow(pairs, Xattr.REDIRECT));
  }

  private void setAll(List<Xattr> list, Mark[] marks) {
    for (Mark mark : marks) {
      set(list, mark.name, mark.value);
    }
  }

  private void set(List<Xattr> list, byte[] name, byte[] value) {
    list.removeIf(xattr -> Arrays.equals(xattr.name, name));
    list.add(intern(new Xattr(name, value, version)));
  }

  private static int countBelow(List<Xattr> list, byte[] name) {
    int below = 0;
    while (below < list.size() && Arrays.compareUnsigned(list.get(below).name, name) < 0) {
      below++;
    }
    return below;
  }

  /**
   * {@code trusted.overlay.X} becomes {@code trusted.overlay.overlay.X}: overlayfs would take it
   * for its own.
   */
  private static byte[] escaped(byte[] name) {
    byte[] insert = FileName.encode("overlay.");
    byte[] result = new byte[name.length + insert.length];
    System.arraycopy(name, 0, result, 0, OVERLAY.length);
    System.arraycopy(insert, 0, result, OVERLAY.length, insert.length);
    System.arraycopy(
        name, OVERLAY.length, result, OVERLAY.length + insert.length, name.length - OVERLAY.length);
    return result;
  }

  private void share() {
    count(plain.values());
    count(special.values());
    List<Xattr> common = new ArrayList<>();
    for (Xattr pair : pairs.keySet()) {
      if (pair.count > 1) {
        common.add(pair);
      }
    }
    shared = common.toArray(Xattr[]::new);
    Arrays.sort(shared, version == FormatVersion.V2 ? Xattr::sharedOrderV2 : Xattr::sharedOrder);
    for (Xattr pair : shared) {
      pair.sharedOffset = Math.toIntExact(sharedSize);
      sharedSize += pair.entrySize();
    }
    plain.values().forEach(list -> list.measure(version));
    special.values().forEach(list -> list.measure(version));
    plain.clear();
    special.clear();
    pairs.clear();
    if (ownSizes.length == 0) {
      return;
    }
    for (Xattr pair : shared) {
      pairs.put(pair, pair);
    }
    for (int i = 0; i < lists.length; i++) {
      if (lists[i] == null) {
        ownSizes[i] = ownList(i).bodySize();
      }
    }
  }

  private static void count(Collection<XattrList> lists) {
    for (XattrList list : lists) {
      list.countPairs();
    }
  }

  /** {@return the size of the shared area in bytes} */
  long sharedSize() {
    return sharedSize;
  }

  /** {@return the pairs of the shared area in stored order} */
  Xattr[] shared() {
    return shared;
  }

  /** {@return true if some inode has a POSIX ACL} */
  boolean hasAcl() {
    return hasAcl;
  }

  /** {@return the size of the xattr body of an inode, 0 for none} */
  int bodySize(int number) {
    XattrList list = lists[number];
    int size = list == null ? ownSizes[number] : list.bodySize();
    ObjectEntries own = ownEntries(number);
    return own == null ? size : Math.max(size, XattrList.BODY_HEADER) + own.size();
  }

  /**
   * Writes the xattr body of an inode and returns the position after it; nothing if there is none.
   */
  int writeBody(int number, byte[] out, int at, long referenceBase) {
    XattrList list = lists[number] == null ? ownList(number) : lists[number];
    ObjectEntries own = ownEntries(number);
    if (own != null) {
      Digest digest = object(inodes.inodes[number]);
      return list.writeBody(out, at, referenceBase, digest == null ? null : own.of(digest));
    }
    return list.bodySize() == 0 ? at : list.writeBody(out, at, referenceBase, null);
  }

  /** The template for an object that only this inode has; null if it has none or shares it. */
  private @Nullable ObjectEntries ownEntries(int number) {
    Digest digest = object(inodes.inodes[number]);
    if (digest == null || inList.get(number)) {
      return null;
    }
    return digest.algorithm() == HashAlgorithm.SHA256 ? sha256 : sha512;
  }
}
