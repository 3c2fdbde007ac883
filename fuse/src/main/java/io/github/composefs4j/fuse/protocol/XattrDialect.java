package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.XattrCursor;
import io.github.composefs4j.core.tree.FileName;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Under which names the stored xattrs of an image appear. Stored are overlayfs' own attributes as
 * {@code trusted.overlay.X}, and those of the tree's that looked like them as {@code
 * trusted.overlay.overlay.X} (erofs-image.md 4.1).
 */
public enum XattrDialect {
  /** As the kernel mount shows them: overlayfs' own are hidden, the tree's have their names. */
  TREE {
    @Override
    byte @Nullable [] stored(byte[] shown) {
      return XattrCursor.storedName(shown);
    }

    @Override
    byte @Nullable [] shown(XattrCursor stored) {
      return stored.shownName();
    }
  },

  /**
   * For an overlay with {@code userxattr} on top: its own as {@code user.overlay.X}, the tree's
   * {@code user.overlay.X} escaped, so that no tree can pass one off as overlayfs' own.
   */
  USER_OVERLAY {
    @Override
    byte @Nullable [] stored(byte[] shown) {
      if (startsWith(shown, USER_ESCAPED)) {
        return removed(shown, USER.length);
      }
      if (startsWith(shown, USER)) {
        return replaced(shown, USER, TRUSTED);
      }
      return TREE.stored(shown);
    }

    @Override
    byte @Nullable [] shown(XattrCursor stored) {
      if (stored.startsWith(USER)) {
        return inserted(stored.name(), USER.length);
      }
      byte[] shown = TREE.shown(stored);
      return shown != null ? shown : replaced(stored.name(), TRUSTED, USER);
    }
  },

  /** For an overlay mounted by root on top: as stored. */
  TRUSTED_OVERLAY {
    @Override
    byte @Nullable [] stored(byte[] shown) {
      return shown;
    }

    @Override
    byte @Nullable [] shown(XattrCursor stored) {
      return stored.name();
    }
  };

  private static final byte[] TRUSTED = FileName.encode("trusted.overlay.");
  private static final byte[] USER = FileName.encode("user.overlay.");
  private static final byte[] USER_ESCAPED = FileName.encode("user.overlay.overlay.");
  private static final byte[] ESCAPE = FileName.encode("overlay.");

  /** {@return the stored name of an xattr asked for, or null if none can have this name} */
  abstract byte @Nullable [] stored(byte[] shown);

  /** {@return the name that the xattr at hand appears under, or null if it is hidden} */
  abstract byte @Nullable [] shown(XattrCursor stored);

  private static boolean startsWith(byte[] name, byte[] prefix) {
    return name.length >= prefix.length
        && Arrays.equals(name, 0, prefix.length, prefix, 0, prefix.length);
  }

  private static byte[] inserted(byte[] name, int at) {
    byte[] longer = Arrays.copyOf(name, name.length + ESCAPE.length);
    System.arraycopy(ESCAPE, 0, longer, at, ESCAPE.length);
    System.arraycopy(name, at, longer, at + ESCAPE.length, name.length - at);
    return longer;
  }

  private static byte[] removed(byte[] name, int at) {
    byte[] shorter = Arrays.copyOf(name, name.length - ESCAPE.length);
    System.arraycopy(name, at + ESCAPE.length, shorter, at, shorter.length - at);
    return shorter;
  }

  private static byte[] replaced(byte[] name, byte[] prefix, byte[] by) {
    byte[] other = Arrays.copyOf(by, by.length + name.length - prefix.length);
    System.arraycopy(name, prefix.length, other, by.length, name.length - prefix.length);
    return other;
  }
}
