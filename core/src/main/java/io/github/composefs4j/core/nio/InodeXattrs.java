package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.erofs.XattrCursor;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Extended attributes as the kernel's mount shows them. */
final class InodeXattrs {
  private InodeXattrs() {}

  /** {@return all attributes by full name, in the order of names' bytes} */
  static SortedMap<byte[], byte[]> all(ImageInode inode) throws IOException {
    SortedMap<byte[], byte[]> all = new TreeMap<>(Arrays::compareUnsigned);
    for (XattrCursor stored = inode.xattrs(); stored.next(); ) {
      byte[] name = stored.shownName();
      if (name != null) {
        all.putIfAbsent(name, stored.value());
      }
    }
    return all;
  }

  /** {@return the attributes whose names start so, by the text of the rest} */
  static Map<String, byte[]> below(ImageInode inode, String prefix) throws IOException {
    byte[] start = FileName.encode(prefix);
    Map<String, byte[]> below = new java.util.LinkedHashMap<>();
    for (Map.Entry<byte[], byte[]> each : all(inode).entrySet()) {
      byte[] name = each.getKey();
      if (name.length > start.length
          && Arrays.equals(name, 0, start.length, start, 0, start.length)) {
        below.put(
            FileName.decode(Arrays.copyOfRange(name, start.length, name.length)), each.getValue());
      }
    }
    return below;
  }
}
