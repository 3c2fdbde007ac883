package io.github.composefs4j.core.verity;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The hash functions fs-verity knows, with the numbers the kernel and the overlayfs metacopy xattr
 * use for them.
 */
public enum HashAlgorithm {
  /** SHA-256, 32 bytes; what the C tools use throughout. */
  SHA256(1, 32, "SHA-256", "sha256"),
  /** SHA-512, 64 bytes. */
  SHA512(2, 64, "SHA-512", "sha512");

  private final int id;
  private final int size;
  private final String jcaName;
  private final String label;

  HashAlgorithm(int id, int size, String jcaName, String label) {
    this.id = id;
    this.size = size;
    this.jcaName = jcaName;
    this.label = label;
  }

  /** {@return the kernel's number of this algorithm, {@code FS_VERITY_HASH_ALG_*}} */
  public int id() {
    return id;
  }

  /** {@return the size of a hash in bytes} */
  public int size() {
    return size;
  }

  /** {@return the name on command lines and in messages, such as {@code sha256}} */
  public String label() {
    return label;
  }

  /** {@return a new, unshared instance of the hash function} */
  public MessageDigest newMessageDigest() {
    try {
      return MessageDigest.getInstance(jcaName);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(jcaName + " is required of every Java platform", e);
    }
  }
}
