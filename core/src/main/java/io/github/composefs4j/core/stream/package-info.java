/**
 * Splitstreams: a byte sequence stored as inline pieces and references to objects (splitstream.md).
 *
 * <pre>
 *   0    header, 32 bytes: magic, version, algorithm, range of the info section
 *   32   info, 80 bytes: ranges of the other sections, content type, size of the content
 *   112  stream references, object references: digests
 *   …    names: "INDEX:NAME" NUL …, zstd
 *   …    body: chunks, zstd; a chunk is a number, negative: so many bytes follow, else an object
 * </pre>
 *
 * <p>Integers are little-endian; ranges are start and end in the file. References are readable
 * without a codec, names and body need one.
 */
package io.github.composefs4j.core.stream;
