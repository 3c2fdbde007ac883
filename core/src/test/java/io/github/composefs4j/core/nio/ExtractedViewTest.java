package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.testkit.Extraction;
import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.core.testkit.TreeViewContract;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.Socket;
import java.nio.file.Path;

/** The suite itself, held to what a file system of the host does. */
class ExtractedViewTest extends TreeViewContract {
  @Override
  protected Path open(TreeSample sample) throws Exception {
    return Extraction.extract(sample, sample.image().resolveSibling("extracted"));
  }

  @Override
  protected void close() {}

  @Override
  protected boolean isReadOnly() {
    return false;
  }

  @Override
  protected int many() {
    return 5_000;
  }

  @Override
  protected boolean showsKind(Inode inode) {
    return !(inode instanceof Device || inode instanceof Fifo || inode instanceof Socket);
  }
}
