package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.verity.Digest;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A content of an image, under the first of its names.
 *
 * @param path the first file in depth-first order that has this content
 * @param size in bytes
 * @param digest its fs-verity digest; empty if the image has none and the content is not in the
 *     image either, and so may be the same as another
 */
public record DistinctContent(Path path, long size, Optional<Digest> digest) {}
