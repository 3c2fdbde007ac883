package io.github.composefs4j.core.verified;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Where the first read of a large object may put what it hashes, so that whoever reads the object
 * from the beginning to the end then gets it from there, and nothing is hashed twice. Thread-safe.
 */
@FunctionalInterface
public interface FirstReadMemory {
  /** Memory that is lent: not touched any more by the borrower once it is closed. */
  interface Area extends AutoCloseable {
    /** {@return the memory; any thread may use it} */
    MemorySegment bytes();

    /** Tells that a part will be written now; it begins at a multiple of the page size. */
    default void prepare(long offset, long length) {}

    /** Tells that a part, which begins at such a multiple, is not needed any more. */
    void discard(long offset, long length);

    /** Gives it back. */
    @Override
    void close();
  }

  /**
   * {@return memory to be given back soon, or null if there is none to spare}
   *
   * @param bytes how many would be of use; there may be fewer
   */
  @Nullable Area borrow(long bytes);
}
