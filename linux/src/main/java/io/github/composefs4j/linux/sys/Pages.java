package io.github.composefs4j.linux.sys;

import java.lang.foreign.MemorySegment;

/** Zeroed memory in pages that take room only once they are written. Owner: whoever made it. */
public final class Pages implements AutoCloseable {
  private final MemorySegment memory;

  /** So many bytes. */
  public Pages(long bytes) throws ErrnoException {
    memory = Sys.mmap(-1, 0, bytes);
  }

  /** {@return the memory; not to be touched once this is closed} */
  public MemorySegment memory() {
    return memory;
  }

  /** Makes room for pages that are to be written now, at once and not one by one (Linux 5.14). */
  public void prepare(long offset, long length) {
    Sys.madvise(memory.asSlice(offset, length), Abi.MADV_POPULATE_WRITE);
  }

  /** Gives the room of pages back: they are zeros again. */
  public void discard(long offset, long length) {
    Sys.madvise(memory.asSlice(offset, length), Abi.MADV_DONTNEED);
  }

  @Override
  public void close() {
    Sys.munmap(memory);
  }
}
