package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.tree.FileName;
import java.util.Arrays;

/** Where the walk is, for messages. For one thread. */
final class WalkPath {
  private static final int SHOWN = 512;

  private final String root;
  private byte[] all = new byte[512];
  private int length;
  private int[] ends = new int[64];
  private int depth;

  WalkPath(String start) {
    root =
        start.endsWith("/") && start.length() > 1 ? start.substring(0, start.length() - 1) : start;
  }

  void push(byte[] name) {
    if (depth == ends.length) {
      ends = Arrays.copyOf(ends, 2 * depth);
    }
    ends[depth++] = length;
    if (length + 1 + name.length > all.length) {
      all = Arrays.copyOf(all, 2 * (length + 1 + name.length));
    }
    all[length++] = '/';
    System.arraycopy(name, 0, all, length, name.length);
    length += name.length;
  }

  void pop() {
    length = ends[--depth];
  }

  /** {@return the path from the root of the scan, printable} */
  String text() {
    String below = FileName.printable(Arrays.copyOf(all, length));
    return root.equals("/") && !below.isEmpty() ? below : root + below;
  }

  /** {@return the path, or its beginning if it is very long} */
  static String shortened(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN);
  }
}
