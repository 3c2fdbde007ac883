package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Limits;
import io.github.composefs4j.core.tree.Stat;
import io.github.composefs4j.core.tree.XattrSet;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The normalisation of container trees (oci.md, section 7): the root takes its metadata from {@code
 * /usr}, since layer archives often lack a root entry and runtimes invent one; {@code /run} is
 * emptied; only extended attributes that mean the same on every host are kept.
 */
public final class ContainerTransform {
  private static final byte[] USER = FileName.encode("user.");
  private static final byte[] CAPABILITY = FileName.encode("security.capability");

  private ContainerTransform() {}

  /** Which extended attributes stay. */
  public enum Xattrs {
    /** {@code security.capability} alone. */
    ALLOW_LIST,
    /** Also those whose names start with {@code user.}. */
    KEEP_USER
  }

  /**
   * {@return the normalised tree}
   *
   * @throws InvalidTreeException if {@code /usr} is no directory, or {@code /run} is something else
   *     than a directory
   */
  public static FileTree apply(FileTree tree, Xattrs kept) throws InvalidTreeException {
    Directory root = tree.root();
    Directory usr = directory(tree, "usr");
    Directory run = tree.find("/run") == null ? null : directory(tree, "run");
    try {
      return new Normalisation(root, usr, run, kept).rewrite(tree);
    } catch (InvalidTreeException e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException("nothing is read", e);
    }
  }

  /** {@return a directory of the root that must be there} */
  static Directory directory(FileTree tree, String name) throws InvalidTreeException {
    return switch (tree.root().find(FileName.encode(name))) {
      case null -> throw new InvalidTreeException("/" + name + " is missing in the tree");
      case Directory directory -> directory;
      case Inode _ -> throw new InvalidTreeException("/" + name + " is not a directory");
    };
  }

  private static final class Normalisation extends TreeRewrite {
    private final Directory root;
    private final Directory usr;
    private final @Nullable Directory run;
    private final Xattrs kept;
    private final Map<XattrSet, XattrSet> filtered = new HashMap<>();

    Normalisation(Directory root, Directory usr, @Nullable Directory run, Xattrs kept) {
      this.root = root;
      this.usr = usr;
      this.run = run;
      this.kept = kept;
    }

    @Override
    String path(String parent, byte[] name) {
      return "";
    }

    @Override
    boolean isEmptied(Directory directory) {
      return directory == run;
    }

    @Override
    Stat stat(Inode inode) {
      if (inode == root) {
        return usr.stat();
      }
      Stat stat = inode.stat();
      return inode == run ? stat.withMtime(usr.mtimeSeconds(), usr.mtimeNanos()) : stat;
    }

    @Override
    XattrSet xattrs(String path, Inode inode) throws InvalidTreeException {
      XattrSet all = inode == root ? usr.xattrs() : inode.xattrs();
      XattrSet known = filtered.get(all);
      if (known == null) {
        known = filter(all);
        filtered.put(all, known);
      }
      return known;
    }

    private XattrSet filter(XattrSet all) throws InvalidTreeException {
      XattrSet.Builder some = new XattrSet.Builder(Limits.XATTR_BUDGET_STORED);
      for (XattrSet.Cursor c = all.cursor(); c.next(); ) {
        if (c.nameEquals(CAPABILITY) || kept == Xattrs.KEEP_USER && c.nameStartsWith(USER)) {
          some.set(c.name(), c.value());
        }
      }
      XattrSet result = some.build();
      XattrSet equal = filtered.putIfAbsent(result, result);
      return equal == null ? result : equal;
    }
  }
}
