/** The codec behind {@link io.github.composefs4j.core.spi.StreamCodec}. */
package io.github.composefs4j.zstd;
