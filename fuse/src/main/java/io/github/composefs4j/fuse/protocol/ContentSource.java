package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.objects.ObjectReader;
import java.io.IOException;

/** Where the content of object-backed files comes from. Thread-safe. */
@FunctionalInterface
public interface ContentSource {
  /**
   * {@return the content of an object-backed file, open; the caller closes it}
   *
   * @throws IOException if there is none that may be handed out
   */
  ObjectReader open(ImageInode inode) throws IOException;
}
