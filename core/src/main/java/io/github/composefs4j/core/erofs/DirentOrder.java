package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.Directory;

/**
 * The entries of a directory with {@code .} and {@code ..} at their places: names may sort before
 * them (4.6).
 */
final class DirentOrder {
  private static final byte[] DOT = {'.'};
  private static final byte[] DOT_DOT = {'.', '.'};

  private final Directory directory;

  /** Where {@code .} and {@code ..} are among all entries. */
  private final int dot;

  private final int dotDot;

  DirentOrder(Directory directory) {
    this.directory = directory;
    dot = -1 - directory.position(DOT);
    dotDot = -directory.position(DOT_DOT);
  }

  /** {@return the number of entries, {@code .} and {@code ..} included} */
  int size() {
    return directory.size() + 2;
  }

  boolean isDot(int i) {
    return i == dot;
  }

  boolean isDotDot(int i) {
    return i == dotDot;
  }

  /** {@return which entry of the directory is at {@code i}, if it is neither of the two} */
  int child(int i) {
    return i < dot ? i : i < dotDot ? i - 1 : i - 2;
  }

  byte[] name(int i) {
    return i == dot ? DOT : i == dotDot ? DOT_DOT : directory.name(child(i));
  }
}
