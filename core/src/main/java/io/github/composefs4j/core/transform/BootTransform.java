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
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What makes the tree of an image bootable (oci.md, section 8): {@code /boot} and {@code /sysroot}
 * are emptied, and every inode gets the SELinux label that the tree's own policy gives to its path.
 * Comes after {@link ContainerTransform}.
 *
 * <p>Emptying {@code /boot} is what allows a kernel image in it to name the digest of the image.
 */
public final class BootTransform {
  private BootTransform() {}

  /**
   * {@return the bootable tree}
   *
   * @param files gives the content of policy files that do not lie inside the tree
   * @throws InvalidTreeException if {@code /usr}, {@code /boot} or {@code /sysroot} is no directory
   * @throws IOException if the policy cannot be read or is malformed, with its path
   */
  public static FileTree apply(FileTree tree, FileContents files) throws IOException {
    Directory usr = ContainerTransform.directory(tree, "usr");
    Directory boot = ContainerTransform.directory(tree, "boot");
    Directory sysroot = ContainerTransform.directory(tree, "sysroot");
    return new Booting(usr, boot, sysroot, SelinuxPolicy.read(tree, files)).rewrite(tree);
  }

  private static final class Booting extends TreeRewrite {
    private static final byte[] SELINUX = FileName.encode("security.selinux");

    private final Directory usr;
    private final Directory boot;
    private final Directory sysroot;
    private final @Nullable SelinuxPolicy policy;
    private final XattrSet.Interner interner = new XattrSet.Interner();

    /** Labels of inodes without any other attribute, which are most. */
    private final Map<String, XattrSet> labelAlone = new HashMap<>();

    Booting(Directory usr, Directory boot, Directory sysroot, @Nullable SelinuxPolicy policy) {
      this.usr = usr;
      this.boot = boot;
      this.sysroot = sysroot;
      this.policy = policy;
    }

    @Override
    String path(String parent, byte[] name) {
      if (policy == null) {
        return "";
      }
      String joined =
          (parent.endsWith("/") ? parent : parent + "/")
              + new String(name, StandardCharsets.ISO_8859_1);
      return policy.effective(joined);
    }

    @Override
    boolean isEmptied(Directory directory) {
      return directory == boot || directory == sysroot;
    }

    /** Only the seconds are taken from {@code /usr}: so the reference does, and so digests are. */
    @Override
    Stat stat(Inode inode) {
      Stat stat = inode.stat();
      return inode == boot || inode == sysroot
          ? stat.withMtime(usr.mtimeSeconds(), stat.mtimeNanos())
          : stat;
    }

    @Override
    XattrSet xattrs(String path, Inode inode) throws IOException {
      String label = policy == null ? null : policy.label(path, type(inode));
      XattrSet old = inode.xattrs();
      if (label == null) {
        return old.get(SELINUX) == null ? old : interner.intern(relabelled(old, null));
      }
      if (!old.isEmpty()) {
        return interner.intern(relabelled(old, label));
      }
      XattrSet known = labelAlone.get(label);
      if (known == null) {
        known = relabelled(old, label);
        labelAlone.put(label, known);
      }
      return known;
    }

    private static XattrSet relabelled(XattrSet old, @Nullable String label)
        throws InvalidTreeException {
      XattrSet.Builder changed = new XattrSet.Builder(Limits.XATTR_BUDGET_STORED);
      for (XattrSet.Cursor c = old.cursor(); c.next(); ) {
        if (!c.nameEquals(SELINUX)) {
          changed.set(c.name(), c.value());
        }
      }
      if (label != null) {
        changed.set(SELINUX, label.getBytes(StandardCharsets.UTF_8));
      }
      return changed.build();
    }

    private static char type(Inode inode) {
      return switch (inode.typeBits()) {
        case Inode.S_IFDIR -> 'd';
        case Inode.S_IFLNK -> 'l';
        case Inode.S_IFBLK -> 'b';
        case Inode.S_IFCHR -> 'c';
        case Inode.S_IFIFO -> 'p';
        case Inode.S_IFSOCK -> 's';
        default -> '-';
      };
    }
  }
}
