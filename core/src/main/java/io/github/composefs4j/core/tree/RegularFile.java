package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.verity.Digest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A regular file. */
public final class RegularFile extends Inode {
  private final long size;

  /**
   * The content in the form that costs least: null (empty), {@code byte[]} (inline), a {@link
   * Digest} (external, at the path that follows from the digest), or a {@link Content} of any other
   * kind.
   */
  private final @Nullable Object content;

  private RegularFile(Stat stat, XattrSet xattrs, long size, @Nullable Object content) {
    super(S_IFREG, stat, xattrs);
    this.size = size;
    this.content = content;
  }

  /** {@return an empty file} */
  public static RegularFile empty(Stat stat, XattrSet xattrs) {
    return new RegularFile(stat, xattrs, 0, null);
  }

  /**
   * {@return a file whose content lies inside the image; takes {@code content} over}
   *
   * @throws InvalidTreeException if there are more than {@link Limits#INLINE_MAX} bytes
   */
  public static RegularFile inline(Stat stat, XattrSet xattrs, byte[] content)
      throws InvalidTreeException {
    if (content.length > Limits.INLINE_MAX) {
      throw new InvalidTreeException(
          "inline content of " + content.length + " bytes exceeds " + Limits.INLINE_MAX);
    }
    return new RegularFile(stat, xattrs, content.length, content.length == 0 ? null : content);
  }

  /**
   * {@return a file whose content is the object of this digest, at the path that follows from it}
   *
   * @throws InvalidTreeException if the size is not within 1 and {@link Limits#EXTERNAL_MAX}
   */
  public static RegularFile external(Stat stat, XattrSet xattrs, long size, Digest digest)
      throws InvalidTreeException {
    checkExternalSize(size);
    return new RegularFile(stat, xattrs, size, digest);
  }

  /**
   * {@return a file of this size and content; equal to what the special factories make}
   *
   * @throws InvalidTreeException if size and content do not go together, or a limit is exceeded
   */
  public static RegularFile of(Stat stat, XattrSet xattrs, long size, Content content)
      throws InvalidTreeException {
    return switch (content) {
      case Content.Inline inline -> {
        if (inline.bytes().length != size) {
          throw new InvalidTreeException(
              "content of " + inline.bytes().length + " bytes in a file of size " + size);
        }
        yield inline(stat, xattrs, inline.bytes());
      }
      case Content.External external -> {
        checkExternalSize(size);
        Digest digest = external.digest();
        boolean canonical = digest != null && Arrays.equals(external.path(), digest.objectPath());
        yield new RegularFile(stat, xattrs, size, canonical ? digest : external);
      }
      case Content.Sparse sparse -> {
        checkExternalSize(size);
        yield new RegularFile(stat, xattrs, size, sparse);
      }
      case Content.Blocks blocks -> {
        if (size <= 0) {
          throw new InvalidTreeException("file size " + size);
        }
        yield new RegularFile(stat, xattrs, size, blocks);
      }
    };
  }

  private static void checkExternalSize(long size) throws InvalidTreeException {
    if (size < 1 || size > Limits.EXTERNAL_MAX) {
      throw new InvalidTreeException(
          "external file of size " + Long.toUnsignedString(size) + ", must be 1 to 2^53");
    }
  }

  /** {@return the size in bytes} */
  public long size() {
    return size;
  }

  /** {@return where the content is; of an empty file, inline content of no bytes} */
  public Content content() {
    if (content == null) {
      return Content.Inline.EMPTY;
    }
    if (content instanceof Digest digest) {
      return new Content.External(digest.objectPath(), digest);
    }
    return content instanceof byte[] bytes ? new Content.Inline(bytes) : (Content) content;
  }

  /**
   * {@return the bytes inside the image, not to be changed, or null if the file is empty or lies
   * elsewhere}
   */
  public byte @Nullable [] inlineBytes() {
    return content instanceof byte[] bytes ? bytes : null;
  }

  /**
   * {@return the digest of the object that holds the content, or null if it is not external or has
   * none}
   */
  public @Nullable Digest digest() {
    if (content instanceof Digest digest) {
      return digest;
    }
    return content instanceof Content.External external ? external.digest() : null;
  }

  /**
   * {@return true if the content is an object whose path follows from its digest}; then {@link
   * #digest} alone tells all of the content, without making a {@link Content}
   */
  public boolean isCanonicalObject() {
    return content instanceof Digest;
  }
}
