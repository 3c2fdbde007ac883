/**
 * fs-verity: the digest that names an object or an image (erofs-image.md, section 9).
 *
 * <p>A file is cut into blocks, the last one zero-padded; each is hashed; the hashes are cut into
 * blocks and hashed again until one hash is left. The digest is the hash of a 256-byte descriptor
 * that holds that root hash and the file size.
 */
package io.github.composefs4j.core.verity;
