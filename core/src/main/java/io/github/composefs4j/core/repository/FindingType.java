package io.github.composefs4j.core.repository;

import java.util.Locale;

/** Which rule is broken. Those up to {@link #IMAGE_MISSING_OBJECT} are the reference's too. */
public enum FindingType {
  /** {@code meta.json} cannot be read. */
  METADATA_PARSE_FAILED,
  /** {@code meta.json} is not for us. */
  METADATA_ALGORITHM_MISMATCH,
  /** A name in {@code objects/XX} is not the rest of a digest. */
  OBJECT_INVALID_NAME,
  /** An object cannot be opened or read. */
  OBJECT_OPEN_FAILED,
  /** An object of a secure repository has no fs-verity. */
  OBJECT_VERITY_MISSING,
  /** The digest of an object could not be computed. */
  OBJECT_VERITY_FAILED,
  /** An object is not what its name says. */
  OBJECT_DIGEST_MISMATCH,
  /** An entry is no symlink. */
  ENTRY_NOT_SYMLINK,
  /** An entry or a ref leads nowhere. */
  BROKEN_SYMLINK,
  /** Something cannot be looked at. */
  STAT_FAILED,
  /** Neither directory nor symlink below {@code refs}; no file among the objects. */
  UNEXPECTED_FILE_TYPE,
  /** The tables or names of a stream cannot be read. */
  STREAM_OPEN_FAILED,
  /** The body of a stream cannot be read. */
  STREAM_READ_FAILED,
  /** An object that a stream uses is missing. */
  MISSING_OBJECT_REF,
  /** An object that a stream names is missing. */
  MISSING_NAMED_REF,
  /** An object that something refers to cannot be looked at. */
  OBJECT_CHECK_FAILED,
  /** An image cannot be opened. */
  IMAGE_OPEN_FAILED,
  /** An image cannot be read. */
  IMAGE_READ_FAILED,
  /** An image breaks a rule of its format. */
  IMAGE_INVALID,
  /** An object that an image refers to is missing. */
  IMAGE_MISSING_OBJECT,
  /** An image is not named by the digest of its object. */
  IMAGE_NAME_MISMATCH,
  /** An entry does not lead directly to an object. */
  ENTRY_NOT_TO_OBJECT,
  /** A ref does not lead directly to an entry. */
  REF_NOT_TO_ENTRY,
  /** A splitstream that another one names has no entry any more. */
  STREAM_LINK_LOST,
  /** Left by a writer that is gone. */
  STALE_TEMPORARY,
  /** A file that others could change, or execute. */
  WRONG_MODE,
  /** A file of another owner than the repository. */
  WRONG_OWNER,
  /** Something that does not belong into {@code objects}. */
  FOREIGN_FILE,
  /** A mounted image of which cannot be told which it is. */
  MOUNT_UNKNOWN;

  /** {@return the name in kebab case, as {@code object-digest-mismatch}} */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
