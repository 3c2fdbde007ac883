package io.github.composefs4j.core.errors;

/** Bytes are not those that their digest promises. */
public final class DigestMismatchException extends ComposefsException {
  /** Value of {@link #block}: the whole content was compared, not one block. */
  public static final long WHOLE = -1;

  private static final long serialVersionUID = 1L;

  private final String subject;
  private final long block;
  private final String expected;
  private final String actual;

  private DigestMismatchException(
      String message, String subject, long block, String expected, String actual) {
    super(message);
    this.subject = subject;
    this.block = block;
    this.expected = expected;
    this.actual = actual;
  }

  /**
   * Content whose fs-verity digest is another.
   *
   * @param subject what was read, printable
   * @param expected the digest it must have, in hex
   * @param actual the digest it has, in hex
   */
  public static DigestMismatchException whole(String subject, String expected, String actual) {
    return new DigestMismatchException(
        subject + ": its digest is " + actual + " instead of " + expected,
        subject,
        WHOLE,
        expected,
        actual);
  }

  /**
   * A block whose hash is not the one in the Merkle tree.
   *
   * @param subject what was read, printable
   * @param block its number, from 0
   * @param expected the hash it must have, in hex
   * @param actual the hash it has, in hex
   */
  public static DigestMismatchException block(
      String subject, long block, String expected, String actual) {
    return new DigestMismatchException(
        subject + ": block " + block + ": its hash is " + actual + " instead of " + expected,
        subject,
        block,
        expected,
        actual);
  }

  /**
   * Blocks of which only the hash of all their hashes is known, and is not the one in the Merkle
   * tree: at least one of them is wrong.
   *
   * @param subject what was read, printable
   * @param first number of the first block
   * @param count of blocks
   * @param expected the hash that their hash block must have, in hex
   * @param actual the hash it has, in hex
   */
  public static DigestMismatchException blocks(
      String subject, long first, long count, String expected, String actual) {
    return new DigestMismatchException(
        subject
            + ": blocks "
            + first
            + " to "
            + (first + count - 1)
            + ": the hash of their hashes is "
            + actual
            + " instead of "
            + expected,
        subject,
        first,
        expected,
        actual);
  }

  /**
   * Content of another size than its digest stands for.
   *
   * @param subject what was read, printable
   * @param expected the size it must have, in bytes
   * @param actual the size it has, in bytes
   */
  public static DigestMismatchException size(String subject, long expected, long actual) {
    return new DigestMismatchException(
        subject + ": has " + actual + " bytes instead of " + expected,
        subject,
        WHOLE,
        expected + " bytes",
        actual + " bytes");
  }

  /** {@return what was read, printable} */
  public String subject() {
    return subject;
  }

  /**
   * {@return the number of the wrong block, the first one of several that are wrong together, or
   * {@link #WHOLE}}
   */
  public long block() {
    return block;
  }

  /** {@return what was promised: a digest or hash in hex, or a size} */
  public String expected() {
    return expected;
  }

  /** {@return what was found, likewise} */
  public String actual() {
    return actual;
  }
}
