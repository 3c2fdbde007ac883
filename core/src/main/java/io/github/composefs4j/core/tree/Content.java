package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the bytes of a regular file are. The arrays are shared, not copied: do not change them. */
public sealed interface Content {
  /**
   * Inside the image.
   *
   * @param bytes the whole content, at most {@link Limits#INLINE_MAX}
   */
  record Inline(byte[] bytes) implements Content {
    static final Inline EMPTY = new Inline(new byte[0]);
  }

  /**
   * In an object directory. At least one of the two is present; what has neither is {@link Sparse}.
   *
   * @param path path below the object directory, at most {@link Limits#PAYLOAD_MAX} bytes, kept as
   *     it was given; null for none
   * @param digest what the object's content must have; null if nobody said
   */
  record External(byte @Nullable [] path, @Nullable Digest digest) implements Content {
    /** Rejects content without any location. */
    public External {
      if (path == null && digest == null) {
        throw new IllegalArgumentException("external content without path and digest");
      }
    }
  }

  /**
   * Nowhere: size bytes of zeros (a V2 notion; V0 and V1 images hold an external file without path
   * and digest).
   */
  record Sparse() implements Content {}

  /**
   * In data blocks of an ordinary EROFS image that the tree was read from. composefs images are
   * never written with such content: store it as an object first.
   *
   * @param source reads the bytes
   */
  record Blocks(Source source) implements Content {}

  /** Positional reader of a file's bytes; thread-safe. */
  @FunctionalInterface
  interface Source {
    /**
     * {@return the number of bytes read, at least 1 unless {@code length} is 0 or the file ends at
     * {@code position}}
     */
    int read(long position, byte[] into, int offset, int length) throws IOException;
  }
}
