package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A read-only view of an image. Nothing but header, superblock and root is read when it is opened;
 * every other structure is read and checked when it is reached. Immutable and thread-safe; owns its
 * bytes.
 *
 * <p>No view here opens objects: of external files it tells path and digest.
 */
public final class ErofsImage implements Closeable {
  private final ImageBytes bytes;
  private final ImageProfile profile;
  private final Superblock superblock;
  private final XattrNames xattrNames;
  private final ImageInode root;

  private ErofsImage(ImageBytes bytes, ImageProfile profile) throws IOException {
    this.bytes = bytes;
    this.profile = profile;
    this.superblock = Superblock.read(bytes, profile);
    this.xattrNames = XattrNames.read(this);
    this.root = new ImageInode(this, superblock.rootNid());
    if (!root.isDirectory()) {
      throw root.corrupt("the root is no directory");
    }
  }

  /** {@return the composefs image in a file} */
  public static ErofsImage open(Path file) throws IOException {
    return open(ImageBytes.open(file, file.toString()), ImageProfile.COMPOSEFS);
  }

  /**
   * {@return the composefs image in a file, held to its digest; see {@link ImageBytes#verified}}
   *
   * @param platform opens the file: one that knows the kernel's fs-verity relies on it
   * @throws DigestMismatchException if the file has another digest
   */
  public static ErofsImage open(Platform platform, Path file, Digest digest, Verifier verifier)
      throws IOException {
    ObjectReader reader = ObjectReader.of(platform.openFile(file));
    return open(
        ImageBytes.verified(verifier, reader, digest, file.toString()), ImageProfile.COMPOSEFS);
  }

  /**
   * {@return an image over these bytes, which it closes, also when this fails}
   *
   * @throws CorruptImageException if header, superblock or root break a rule of the profile
   */
  public static ErofsImage open(ImageBytes bytes, ImageProfile profile) throws IOException {
    try {
      return new ErofsImage(bytes, profile);
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  /** {@return the rules that the image is held to} */
  public ImageProfile profile() {
    return profile;
  }

  /** {@return the composefs version; without meaning for other EROFS images} */
  public FormatVersion version() {
    return superblock.version();
  }

  /** {@return whether the header says that some inode has a POSIX ACL} */
  public boolean hasAcl() {
    return superblock.hasAcl();
  }

  /** {@return the number of inodes, as the superblock says} */
  public long inodes() {
    return superblock.inodes();
  }

  /** {@return what messages call the image} */
  public String name() {
    return bytes.name();
  }

  /** {@return the size of the image in bytes} */
  public long size() {
    return bytes.size();
  }

  /** {@return the root directory} */
  public ImageInode root() {
    return root;
  }

  /**
   * {@return the inode with this number}
   *
   * @throws CorruptImageException if there is none, or it breaks a rule
   */
  public ImageInode inode(long nid) throws IOException {
    return nid == superblock.rootNid() ? root : new ImageInode(this, nid);
  }

  /**
   * Reads everything.
   *
   * @throws CorruptImageException at the first structure that breaks a rule of the profile
   */
  public void check() throws IOException {
    ImageCheck.check(this);
  }

  /**
   * {@return the tree that the image was made of (erofs-image.md 12.2)} The first name of an inode
   * in depth-first order becomes its own entry.
   */
  public FileTree toTree() throws IOException {
    return ImageTree.of(this);
  }

  ImageBytes bytes() {
    return bytes;
  }

  Superblock superblock() {
    return superblock;
  }

  XattrNames xattrNames() {
    return xattrNames;
  }

  int blockSize() {
    return 1 << superblock.blockBits();
  }

  @Override
  public void close() throws IOException {
    bytes.close();
  }
}
