package io.github.composefs4j.core.nio;

import java.io.IOException;
import java.nio.file.attribute.FileAttributeView;
import java.util.List;

/**
 * All extended attributes of a file of any kind, by their full names, as a mount shows them: {@code
 * Files.getFileAttributeView(path, XattrView.class, NOFOLLOW_LINKS)}. Also to be read by name, as
 * {@code Files.getAttribute(path, "xattr:security.capability")}, a {@code byte[]}.
 *
 * <p>Names are text by the rule of {@link io.github.composefs4j.core.tree.FileName#decode}.
 */
public interface XattrView extends FileAttributeView {
  /** The name of this view. */
  String NAME = "xattr";

  @Override
  default String name() {
    return NAME;
  }

  /** {@return the full names, in ascending order of their bytes} */
  List<String> list() throws IOException;

  /**
   * {@return the value of an attribute}
   *
   * @throws java.nio.file.FileSystemException if there is none of this name
   */
  byte[] read(String name) throws IOException;
}
