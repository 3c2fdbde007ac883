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
      if (walk.isRepeated()) {
        continue;
      }
      ImageInode inode = walk.inode();
      inode.attributes();
      inode.checkChunks();
      if (inode.isSymlink()) {
        inode.target();
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
      if (entries.isStubName()) {
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
}
