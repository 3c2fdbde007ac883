package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.transform.BootTransform;
import io.github.composefs4j.core.transform.ContainerTransform;
import io.github.composefs4j.core.transform.ContainerTransform.Xattrs;
import io.github.composefs4j.core.transform.FileContents;
import io.github.composefs4j.core.tree.FileTree;
import java.io.IOException;

/** What becomes of a directory's tree before it is an image (repository.md, section 13). */
final class TreeOptions {
  private boolean bootable;
  private boolean asItIs;
  private Xattrs xattrs = Xattrs.ALLOW_LIST;

  /** Adds the options to a command's definition; a kernel argument is of a bootable tree. */
  Definition addTo(Definition definition, boolean alwaysBootable) {
    definition
        .operand("PATH", "a directory")
        .flag(
            "no-propagate-usr-to-root",
            "take the tree as it is: no metadata of /usr for the root, /run and all extended"
                + " attributes kept",
            () -> asItIs = true);
    if (alwaysBootable) {
      bootable = true;
      return definition;
    }
    return definition
        .flag("bootable", "empty /boot and /sysroot, give SELinux labels", () -> bootable = true)
        .option(
            "xattrs",
            "allowlist-only|keep-user-xattrs",
            "which extended attributes to keep",
            v -> xattrs = xattrs(v));
  }

  private static Xattrs xattrs(String text) throws UsageException {
    return switch (text) {
      case "allowlist-only" -> Xattrs.ALLOW_LIST;
      case "keep-user-xattrs" -> Xattrs.KEEP_USER;
      default ->
          throw new UsageException(
              "--xattrs is allowlist-only or keep-user-xattrs, not '" + text + "'");
    };
  }

  /** {@return the tree as it becomes an image} */
  FileTree apply(FileTree scanned, FileContents contents) throws IOException {
    FileTree tree = asItIs ? scanned : ContainerTransform.apply(scanned, xattrs);
    return bootable ? BootTransform.apply(tree, contents) : tree;
  }
}
