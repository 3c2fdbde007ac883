package io.github.composefs4j.core.erofs;

import java.io.IOException;

/**
 * The complete check of an image: every structure is reached, and what only the whole can show
 * (W1).
 */
final class ImageCheck {
  private ImageCheck() {}

  static void check(ErofsImage image) throws IOException {
    boolean composefs = image.profile() == ImageProfile.COMPOSEFS;
    ImageWalk walk = new ImageWalk(image);
    while (walk.next()) {
      ImageInode inode = walk.inode();
      inode.attributes();
      if (inode.isSymlink()) {
        inode.target();
      } else if (inode.isRegular() && !inode.isExternal() && inode.size() <= 1 << 16) {
        inode.content();
      }
    }
    if (composefs && image.version() != FormatVersion.V2) {
      checkStubs(image);
    }
  }

  /**
   * W1: the root of a V0 or V1 image has all names from 00 to ff, and what stands there alone is a
   * plain stub.
   */
  private static void checkStubs(ErofsImage image) throws IOException {
    DirentCursor entries = image.root().entries();
    int found = 0;
    while (entries.next()) {
      byte[] name = entries.name();
      if (name.length == 2 && isHex(name[0]) && isHex(name[1])) {
        found++;
        ImageInode inode = entries.inode();
        if (inode.isStoredWhiteout()) {
          inode.attributes();
        }
      }
    }
    if (found != 256) {
      throw image.root().corrupt("only " + found + " of the names 00 to ff in the root");
    }
  }

  private static boolean isHex(byte c) {
    return c >= '0' && c <= '9' || c >= 'a' && c <= 'f';
  }
}
