package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.core.testkit.TreeViewContract;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The provider, through the public door. */
class ComposefsViewTest extends TreeViewContract {
  private FileSystem fileSystem;

  @Override
  protected Path open(TreeSample sample) throws IOException {
    fileSystem =
        FileSystems.newFileSystem(
            sample.image(), Map.of("objects", sample.objects(), "digest", sample.digest().hex()));
    return fileSystem.getPath("/");
  }

  @Override
  protected void close() throws IOException {
    fileSystem.close();
  }

  @Override
  protected Map<String, byte[]> xattrs(Path file) throws IOException {
    XattrView view = Files.getFileAttributeView(file, XattrView.class, LinkOption.NOFOLLOW_LINKS);
    Map<String, byte[]> all = new TreeMap<>();
    for (String name : view.list()) {
      all.put(name, view.read(name));
    }
    return all;
  }

  @Override
  protected boolean showsXattr(String name) {
    return true;
  }
}
