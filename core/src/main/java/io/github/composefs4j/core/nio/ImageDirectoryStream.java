package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.errors.ComposefsException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** The entries of a directory, in the order of their names' bytes. */
final class ImageDirectoryStream implements DirectoryStream<Path> {
  private final ComposefsPath directory;
  private final DirentCursor entries;
  private final DirectoryStream.Filter<? super Path> filter;
  private boolean begun;
  private volatile boolean closed;

  ImageDirectoryStream(
      ComposefsPath directory, DirentCursor entries, DirectoryStream.Filter<? super Path> filter) {
    this.directory = directory;
    this.entries = entries;
    this.filter = filter;
  }

  @Override
  public Iterator<Path> iterator() {
    if (closed || begun) {
      throw new IllegalStateException(closed ? "Directory stream is closed" : "one iterator only");
    }
    begun = true;
    return new Entries();
  }

  private final class Entries implements Iterator<Path> {
    private @Nullable Path next;
    private boolean ended;

    @Override
    public boolean hasNext() {
      if (next == null && !ended) {
        next = closed || !directory.getFileSystem().isOpen() ? null : advance();
        ended = next == null;
      }
      return next != null;
    }

    private @Nullable Path advance() {
      try {
        while (entries.next()) {
          ImageInode inode = entries.inode();
          if (!PathResolver.isHidden(inode)) {
            Path path = directory.child(entries, inode);
            if (filter.accept(path)) {
              return path;
            }
          }
        }
        return null;
      } catch (ComposefsException e) {
        throw new DirectoryIteratorException(ComposefsFileSystem.failure(directory.toString(), e));
      } catch (IOException e) {
        throw new DirectoryIteratorException(e);
      }
    }

    @Override
    public Path next() {
      Path path = hasNext() ? next : null;
      if (path == null) {
        throw new NoSuchElementException();
      }
      next = null;
      return path;
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
