package io.github.composefs4j.core.spi;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An open directory that is written to: a repository, or objects in one. Thread-safe. Paths are
 * relative and have any number of components, {@link #self} is the directory itself; symlinks at
 * the end of a path are not followed.
 */
public interface StoreDirectory extends Closeable {
  /** Answer of {@link #fileSize}: there is nothing. */
  long ABSENT = -1;

  /** Answer of {@link #fileSize}: there is something that is no regular file. */
  long NO_FILE = -2;

  /** {@return the path of the directory itself} */
  static byte[] self() {
    return new byte[] {'.'};
  }

  /** The kind of an entry. */
  enum EntryType {
    /** A regular file. */
    FILE,
    /** A directory. */
    DIRECTORY,
    /** A symbolic link. */
    SYMLINK,
    /** Anything else. */
    OTHER
  }

  /** Receives entries of a directory. */
  @FunctionalInterface
  interface EntrySink {
    /** Takes a name and what it stands for. */
    void accept(byte[] name, EntryType type) throws IOException;
  }

  /** {@return the size of the regular file at {@code path}, {@link #ABSENT} or {@link #NO_FILE}} */
  long fileSize(byte[] path) throws IOException;

  /** {@return the stat of what is at {@code path}, or null if there is nothing} */
  @Nullable HostStat stat(byte[] path) throws IOException;

  /**
   * {@return the file at {@code path}, opened for reading}
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   */
  HostFile open(byte[] path) throws IOException;

  /**
   * Passes all entries of a directory but {@code .} and {@code ..}, in any order.
   *
   * @return false if there is nothing at {@code path}
   */
  boolean list(byte[] path, EntrySink sink) throws IOException;

  /** {@return the text of the symlink at {@code path}, or null if there is nothing} */
  byte @Nullable [] readLink(byte[] path) throws IOException;

  /**
   * Makes a symlink.
   *
   * @return false if there is something at {@code path}
   */
  boolean makeLink(byte[] path, byte[] target) throws IOException;

  /** Renames, replacing what is at {@code to}, atomically. */
  void rename(byte[] from, byte[] to) throws IOException;

  /**
   * Removes a name that is no directory.
   *
   * @return false if there is nothing
   */
  boolean remove(byte[] path) throws IOException;

  /**
   * Removes a directory.
   *
   * @return false if there is none, or it is not empty
   */
  boolean removeDirectory(byte[] path) throws IOException;

  /**
   * Makes a directory with mode 0755 less the umask.
   *
   * @return false if there is something at {@code path}
   */
  boolean makeDirectory(byte[] path) throws IOException;

  /** Makes the entries of a directory durable. */
  void syncDirectory(byte[] path) throws IOException;

  /** {@return whether this process may make entries here now} */
  boolean isWritable() throws IOException;

  /**
   * Enables fs-verity on a file of the host in place, after which nobody can change it any more.
   *
   * @return its digest, or empty if its file system cannot
   */
  Optional<Digest> protect(HostFile file, HashAlgorithm algorithm) throws IOException;

  /**
   * Gives an open file of the host a further name here.
   *
   * @return false if there is something at {@code path}, or the file cannot be linked here
   */
  boolean hardLink(HostFile file, byte[] path) throws IOException;

  /**
   * {@return a lock on a directory here that every program honours which uses {@code flock(2)};
   * null if this platform has none}
   */
  @Nullable Lock lock(byte[] path) throws IOException;

  /**
   * {@return a new empty file that nobody sees before it is published} Where files cannot be
   * without a name, it has one that starts with {@code .tmp4j-} and is locked; what killed writers
   * left under such names is removed at the first call, if it is more than a minute old and not
   * locked.
   */
  TemporaryFile create() throws IOException;

  /** Makes everything in the directory's file system durable. */
  void sync() throws IOException;

  /**
   * The lock of a directory, {@code flock(2)} on an open description of its own. Closing gives it
   * up; not inherited by child processes.
   */
  interface Lock extends Closeable {
    /**
     * Takes the lock, or converts it, without waiting.
     *
     * @return false if others hold it; what was held before is then lost
     */
    boolean tryLock(boolean exclusive) throws IOException;

    /** Gives the lock up. */
    void unlock() throws IOException;
  }

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
     * Ends writing: mode 0644, and fs-verity where the file system has it.
     *
     * @param required whether a file without fs-verity is of no use
     * @return the digest that the kernel guarantees from now on, empty if it does not
     * @throws IOException if fs-verity is required and cannot be had
     */
    Optional<Digest> seal(HashAlgorithm verity, boolean required) throws IOException;

    /** Makes the content durable. */
    void sync() throws IOException;

    /**
     * Gives the file its name, once it is sealed; makes the directory of the name if it is missing.
     *
     * @param replace whether to take the place of a file that is there
     * @return false if there is a file already and {@code replace} is false
     */
    boolean publish(byte[] path, boolean replace) throws IOException;
  }
}
