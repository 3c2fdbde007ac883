package io.github.composefs4j.fuse;

import io.github.composefs4j.core.erofs.ImageAttributes;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.fuse.protocol.ContentSource;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The content of an image's files, from object directories and stores, verified as asked.
 * Thread-safe. Owns nothing.
 *
 * <p>An object is named by its digest. A file whose redirect names another path, which the C tools
 * can write, is looked up by that path, in directories only.
 */
final class ObjectContent implements ContentSource {
  private final Platform platform;
  private final List<Path> directories;
  private final List<ObjectStore> stores;
  private final Verification verification;
  private final Verifier verifier;

  ObjectContent(
      Platform platform,
      List<Path> directories,
      List<ObjectStore> stores,
      Verification verification,
      Verifier verifier) {
    this.platform = platform;
    this.directories = directories;
    this.stores = stores;
    this.verification = verification;
    this.verifier = verifier;
  }

  @Override
  public ObjectReader open(ImageInode inode) throws IOException {
    ImageAttributes attributes = inode.attributes();
    Digest digest = attributes.digest();
    byte[] path = attributes.path();
    if (verification == Verification.OFF) {
      return raw(digest, path);
    }
    if (digest == null) {
      throw new ComposefsException(
          "the image has no digest of inode " + inode.nid() + ": its content cannot be verified");
    }
    ObjectReader content = raw(digest, path);
    String name = "object " + digest.hex();
    return switch (verification) {
      case ALWAYS -> verifier.open(content, digest, inode.size(), name);
      case KERNEL -> heldByKernel(content, digest, name);
      default -> checkedOnce(content, digest, inode.size(), name);
    };
  }

  private ObjectReader heldByKernel(ObjectReader content, Digest digest, String name)
      throws IOException {
    if (content.kernelDigest().equals(Optional.of(digest))) {
      return content;
    }
    content.close();
    throw new ComposefsException(name + ": the kernel does not hold it to this digest");
  }

  private ObjectReader checkedOnce(ObjectReader content, Digest digest, long size, String name)
      throws IOException {
    VerifiedReader verified = verifier.open(content, digest, size, name);
    try {
      if (!verified.isKernelVerified()) {
        verified.check();
      }
      return new Checked(verified, content);
    } catch (IOException | RuntimeException e) {
      verified.close();
      throw e;
    }
  }

  /**
   * What was checked when it was opened.
   *
   * @param owner closes {@code content}
   */
  private record Checked(VerifiedReader owner, ObjectReader content) implements ObjectReader {
    @Override
    public long size() throws IOException {
      return content.size();
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return content.read(position, into, offset, length);
    }

    @Override
    public void close() throws IOException {
      owner.close();
    }
  }

  private ObjectReader raw(@Nullable Digest digest, byte @Nullable [] path) throws IOException {
    boolean plain = digest != null && (path == null || Arrays.equals(path, digest.objectPath()));
    if (digest != null && plain) {
      return byDigest(digest);
    }
    if (path == null) {
      throw new ComposefsException("the image does not say where the content is");
    }
    return byPath(path);
  }

  private ObjectReader byDigest(Digest digest) throws IOException {
    MissingObjectException missing = null;
    for (ObjectStore store : stores) {
      if (store.algorithm() == digest.algorithm()) {
        try {
          return store.open(digest);
        } catch (MissingObjectException e) {
          missing = e;
        }
      }
    }
    throw missing != null
        ? missing
        : new MissingObjectException(digest.hex(), "any of the object directories");
  }

  private ObjectReader byPath(byte[] path) throws IOException {
    String text = requireBelow(path);
    for (Path directory : directories) {
      try {
        return ObjectReader.of(platform.openFile(directory.resolve(text)));
      } catch (NoSuchFileException e) {
        // in the next, perhaps
      }
    }
    throw new MissingObjectException(text, "any of the object directories");
  }

  /** {@return a path as text that cannot lead out of a directory} */
  static String requireBelow(byte[] path) throws ComposefsException {
    String text = FileName.decode(path);
    for (String part : text.split("/", -1)) {
      if (part.isEmpty() || part.equals("..") || part.equals(".")) {
        throw new ComposefsException(
            "the image names an object by the path " + FileName.printable(path));
      }
    }
    return text;
  }
}
