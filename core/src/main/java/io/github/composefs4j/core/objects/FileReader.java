package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.Optional;

/** An object that is a file of the host. */
record FileReader(HostFile file) implements ObjectReader {
  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public int read(long position, byte[] into, int offset, int length) throws IOException {
    int done = 0;
    int read;
    do {
      read = file.read(position + done, into, offset + done, length - done);
      done += read;
    } while (read > 0 && done < length);
    return done;
  }

  @Override
  public Optional<Digest> kernelDigest() throws IOException {
    return file.verityDigest();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
