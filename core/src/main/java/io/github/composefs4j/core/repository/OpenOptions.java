package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.objects.StorePolicy.Transfer;
import io.github.composefs4j.core.verity.HashAlgorithm;
import org.jspecify.annotations.Nullable;

/**
 * How a repository is opened.
 *
 * @param expected algorithm that it must have, or null
 * @param security what is asked of fs-verity
 * @param upgrade whether a repository without {@code meta.json} gets one
 * @param format the only format that images are made in, or null for those of the repository
 * @param transfer how source files become objects
 * @param durability whether names survive a power cut once they have been acknowledged
 * @param waiting how long to wait for the lock
 * @param sources where objects may be besides
 */
public record OpenOptions(
    @Nullable HashAlgorithm expected,
    Security security,
    boolean upgrade,
    @Nullable FormatVersion format,
    Transfer transfer,
    Durability durability,
    Waiting waiting,
    ObjectSources sources) {
  /** What is asked of fs-verity. */
  public enum Security {
    /** What the repository has. */
    AS_IS,
    /** It is an error if the repository is insecure. */
    REQUIRED,
    /** Kernel fs-verity is not insisted on, whatever the repository has. */
    INSECURE
  }

  /** Whether names survive a power cut. */
  public enum Durability {
    /** A name that was acknowledged, and all that it reaches, survives. */
    FULL,
    /** Nothing is synced: for stores that can be thrown away. */
    RELAXED
  }

  /** As the repository is, upgraded if it is old, durable. */
  public static final OpenOptions DEFAULT =
      new OpenOptions(
          null,
          Security.AS_IS,
          true,
          null,
          Transfer.COPY,
          Durability.FULL,
          Waiting.FOREVER,
          ObjectSources.NONE);

  /** {@return these options, expecting an algorithm} */
  public OpenOptions withExpected(@Nullable HashAlgorithm algorithm) {
    return new OpenOptions(
        algorithm, security, upgrade, format, transfer, durability, waiting, sources);
  }

  /** {@return these options with another demand on fs-verity} */
  public OpenOptions withSecurity(Security other) {
    return new OpenOptions(
        expected, other, upgrade, format, transfer, durability, waiting, sources);
  }

  /** {@return these options, upgrading or not} */
  public OpenOptions withUpgrade(boolean other) {
    return new OpenOptions(
        expected, security, other, format, transfer, durability, waiting, sources);
  }

  /** {@return these options with one image format instead of those of the repository} */
  public OpenOptions withFormat(@Nullable FormatVersion other) {
    return new OpenOptions(
        expected, security, upgrade, other, transfer, durability, waiting, sources);
  }

  /** {@return these options with another way of transfer} */
  public OpenOptions withTransfer(Transfer other) {
    return new OpenOptions(
        expected, security, upgrade, format, other, durability, waiting, sources);
  }

  /** {@return these options with another durability} */
  public OpenOptions withDurability(Durability other) {
    return new OpenOptions(expected, security, upgrade, format, transfer, other, waiting, sources);
  }

  /** {@return these options with another patience} */
  public OpenOptions withWaiting(Waiting other) {
    return new OpenOptions(
        expected, security, upgrade, format, transfer, durability, other, sources);
  }

  /** {@return these options with other places to look for objects} */
  public OpenOptions withSources(ObjectSources other) {
    return new OpenOptions(
        expected, security, upgrade, format, transfer, durability, waiting, other);
  }
}
