package io.github.composefs4j.core.errors;

import org.jspecify.annotations.Nullable;

/** A repository cannot be used as asked. Callers branch on {@link #reason}. */
public final class RepositoryException extends ComposefsException {
  /** What kind of trouble it is. */
  public enum Reason {
    /** There is neither {@code meta.json} nor {@code objects}. */
    MISSING,
    /** There are objects but no {@code meta.json}: written before there was one. */
    OLD_FORMAT,
    /** {@code meta.json} breaks a rule of its syntax. */
    INVALID_METADATA,
    /** {@code meta.json} is of a later version. */
    UNSUPPORTED_VERSION,
    /** The repository has another hash algorithm than expected. */
    ALGORITHM_MISMATCH,
    /** The repository has features that are not known here. */
    INCOMPATIBLE_FEATURES,
    /** There is a repository already, with another configuration. */
    ALREADY_INITIALIZED,
    /** fs-verity was asked for and is not there. */
    NOT_SECURE,
    /** The directory cannot be written to, or may not because of its features. */
    NOT_WRITABLE,
    /** Others use the repository, and waiting was not wanted or took too long. */
    BUSY,
    /** This platform cannot lock directories as the others do: writing is not safe. */
    NO_LOCKS,
    /** A name that cannot be a ref, an image or a stream. */
    INVALID_NAME,
    /** There is no image, stream or ref of this name. */
    NOT_FOUND,
    /** A link in the repository does not lead where it must. */
    BROKEN_LINK
  }

  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Trouble of this kind, described in one line. */
  public RepositoryException(Reason reason, String message) {
    this(reason, message, null);
  }

  /** Trouble of this kind, described in one line, with what is behind it. */
  public RepositoryException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** {@return the kind of trouble} */
  public Reason reason() {
    return reason;
  }
}
