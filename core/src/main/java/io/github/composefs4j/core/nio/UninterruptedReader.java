package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * Reads on a thread of its own where an interrupt would close what is read: a channel that all of a
 * file system's users share. The interrupt stays to be seen. Thread-safe.
 *
 * @param content closed with this
 */
record UninterruptedReader(ObjectReader content) implements ObjectReader {
  @Override
  public long size() throws IOException {
    return content.size();
  }

  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    CompletableFuture<Integer> read = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            read.complete(content.read(position, into, offset, length));
          } catch (IOException | RuntimeException | Error e) {
            read.completeExceptionally(e);
          }
        });
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return read.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public Optional<Digest> kernelDigest() throws IOException {
    return content.kernelDigest();
  }

  @Override
  public void close() throws IOException {
    content.close();
  }
}
