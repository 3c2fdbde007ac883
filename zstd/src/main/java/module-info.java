/** Zstandard for splitstreams and image layers, in pure Java. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("requires-automatic") // the codec has no module name; nothing else requires it
module io.github.composefs4j.zstd {
  requires aircompressor.v3;
  requires io.github.composefs4j.core;
  requires static org.jspecify;

  provides io.github.composefs4j.core.spi.StreamCodec with
      io.github.composefs4j.zstd.ZstdCodec;
}
