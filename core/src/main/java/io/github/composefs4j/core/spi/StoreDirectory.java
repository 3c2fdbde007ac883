package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;

/**
 * An open directory that objects are stored in. Thread-safe. Paths are relative and have one slash.
 */
public interface StoreDirectory extends Closeable {
  /** Answer of {@link #fileSize}: there is nothing. */
  long ABSENT = -1;

  /** Answer of {@link #fileSize}: there is something that is no regular file. */
  long NO_FILE = -2;

  /** {@return the size of the regular file at {@code path}, {@link #ABSENT} or {@link #NO_FILE}} */
  long fileSize(byte[] path) throws IOException;

  /**
   * {@return the file at {@code path}, opened for reading}
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   */
  HostFile open(byte[] path) throws IOException;

  /** {@return a new empty file that nobody sees before it is published} */
  TemporaryFile create() throws IOException;

  /** Makes everything in the directory's file system durable. */
  void sync() throws IOException;

  /**
   * A file under construction; closing it removes it unless it has been published. For one thread.
   */
  interface TemporaryFile extends Closeable {
    /**
     * Makes this a copy of all of {@code source} that shares its blocks.
     *
     * @return false if these file systems cannot; the file is empty then
     */
    boolean cloneFrom(HostFile source) throws IOException;

    /**
     * Copies {@code length} bytes inside the kernel.
     *
     * @return false if it cannot, and not all was copied
     */
    boolean copyRangeFrom(HostFile source, long length) throws IOException;

    /** Appends bytes. */
    void write(byte[] bytes, int offset, int length) throws IOException;

    /** {@return the number of bytes read, 0 at the end} */
    int read(long position, byte[] into, int offset, int length) throws IOException;

    /**
     * Gives the file its final mode 0644, fs-verity of this algorithm where the file system has it,
     * and its name; makes the directory of the name if it is missing.
     *
     * @param replace whether to take the place of a file that is there
     * @return false if there is a file already and {@code replace} is false
     */
    boolean publish(byte[] path, HashAlgorithm verity, boolean replace) throws IOException;
  }
}
