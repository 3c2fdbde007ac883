package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.verity.Digest;
import org.jspecify.annotations.Nullable;

/**
 * What was written.
 *
 * @param version the version that the image has
 * @param size its size in bytes, a multiple of 4096
 * @param inodes number of inodes in it, root stubs included
 * @param digest its fs-verity digest, or null if none was asked for
 */
public record ImageSummary(
    FormatVersion version, long size, long inodes, @Nullable Digest digest) {}
