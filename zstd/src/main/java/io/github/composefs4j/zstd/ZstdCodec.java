package io.github.composefs4j.zstd;

import io.airlift.compress.v3.zstd.ZstdJavaInputStream;
import io.airlift.compress.v3.zstd.ZstdJavaOutputStream;
import io.github.composefs4j.core.spi.StreamCodec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Aircompressor's Java codec: starts at once and unpacks no library. Windows of up to 8 MiB are
 * read, which is what levels up to 19 use.
 */
public final class ZstdCodec implements StreamCodec {
  /** The codec, for {@code ServiceLoader}. */
  public ZstdCodec() {}

  @Override
  public InputStream decompress(InputStream in) {
    return new CheckedInput(new ZstdJavaInputStream(new DataFrames(in)));
  }

  @Override
  public OutputStream compress(OutputStream out) throws IOException {
    return new ZstdJavaOutputStream(out);
  }

  /** Malformed input is an unchecked exception there. */
  private static final class CheckedInput extends InputStream {
    private final InputStream in;

    CheckedInput(InputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      try {
        return length == 0 ? 0 : in.read(into, offset, length);
      } catch (RuntimeException e) {
        throw new IOException(String.valueOf(e.getMessage()), e);
      }
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
