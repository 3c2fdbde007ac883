package io.github.composefs4j.core.objects;

/**
 * How an object directory is filled.
 *
 * @param verityRequired whether every object must have kernel fs-verity (a secure repository)
 * @param contentChecked whether an object that is there already with the right size is compared
 *     before it is taken for the same; a bad one is replaced
 * @param transfer how the bytes of a source file may become those of an object
 */
public record StorePolicy(boolean verityRequired, boolean contentChecked, Transfer transfer) {
  /** How bytes get into the store. */
  public enum Transfer {
    /** Sharing blocks where the file system can, otherwise copying. */
    COPY,
    /**
     * As {@link #COPY}, but before copying the source itself becomes the object, under a second
     * name. It gets fs-verity and can never be changed again, so this needs the consent of whoever
     * owns it; ignored where fs-verity is not required, since a later edit of the source would
     * change the object.
     */
    LINK,
    /** As {@link #LINK}, but never copying: what cannot be shared is an error. */
    ZERO_COPY
  }

  /** What the C tools do: fs-verity where there is, objects of the right size trusted. */
  public static final StorePolicy TRUSTING = new StorePolicy(false, false, Transfer.COPY);

  /** {@return whether sources may be linked} */
  boolean links() {
    return verityRequired && transfer != Transfer.COPY;
  }
}
