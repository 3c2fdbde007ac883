package io.github.composefs4j.core.stream;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The well-known content types (splitstream.md, section 5). */
public final class ContentType {
  private ContentType() {}

  /** Anything. */
  public static final long UNTYPED = 0;

  /** The uncompressed tar of an OCI layer. */
  public static final long OCI_LAYER = of("ocilayer");

  /** An OCI image config: one external chunk. */
  public static final long OCI_CONFIG = of("ociconfg");

  /** An OCI manifest: one external chunk. */
  public static final long OCI_MANIFEST = of("ocimanif");

  /** Another OCI blob: one external chunk. */
  public static final long OCI_BLOB = of("oci_blob");

  /** An OSTree commit. */
  public static final long OSTREE_COMMIT = 0xAFE138C18C463EF1L;

  private static long of(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }
}
