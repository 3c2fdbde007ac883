package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/** Who holds content to its digests, and when. */
public enum Verification {
  /** This process, each block at each read. */
  ALWAYS,
  /** This process, the whole object when it is opened; later changes of it are not seen. */
  OPEN,
  /** The kernel, each block: an object without fs-verity of the right digest is not opened. */
  KERNEL,
  /** Nobody. */
  OFF;

  /** {@return the name as an option} */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * {@return content that is held to its digest in this way}
   *
   * @param content closed with the result, and if this fails
   * @param size what it must have
   * @param name what it is called in messages
   * @throws ComposefsException if it is another already
   */
  public ObjectReader hold(
      Verifier verifier, ObjectReader content, Digest digest, long size, String name)
      throws IOException {
    return switch (this) {
      case ALWAYS -> verifier.open(content, digest, size, name);
      case OPEN -> checkedOnce(verifier.open(content, digest, size, name), content);
      case KERNEL -> heldByKernel(content, digest, name);
      case OFF -> content;
    };
  }

  private static ObjectReader heldByKernel(ObjectReader content, Digest digest, String name)
      throws IOException {
    try {
      if (content.kernelDigest().equals(Optional.of(digest))) {
        return content;
      }
    } catch (IOException | RuntimeException e) {
      content.close();
      throw e;
    }
    content.close();
    throw new ComposefsException(name + ": the kernel does not hold it to this digest");
  }

  private static ObjectReader checkedOnce(VerifiedReader verified, ObjectReader content)
      throws IOException {
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
    public Optional<Digest> kernelDigest() throws IOException {
      return content.kernelDigest();
    }

    @Override
    public void close() throws IOException {
      owner.close();
    }
  }
}
