/**
 * Bytes that match their fs-verity digest, checked in this process: what a kernel with fs-verity
 * does for a file, for any object from anywhere.
 *
 * <p>{@link io.github.composefs4j.core.verified.VerifiedStore} puts the check in front of an {@link
 * io.github.composefs4j.core.objects.ObjectStore}; {@link
 * io.github.composefs4j.core.verified.Verifier} does it for any reader.
 *
 * <h2>What is guaranteed</h2>
 *
 * <p>The bytes handed out are the bytes that were hashed: each block of 4096 bytes is hashed in the
 * buffer of the read that asked for it, every time, unless it comes from a private copy that was
 * filled that way. Nothing rests on names, file times or earlier reads of the same file: an object
 * may be changed, cut, replaced at any moment, and a wrong byte is still an {@link
 * io.github.composefs4j.core.errors.DigestMismatchException}, never a result. Where the kernel
 * holds the open file to the very digest, its check is used instead.
 *
 * <h2>What is kept</h2>
 *
 * <p>The first read of an object hashes all of it once and keeps its Merkle tree: level 0 holds the
 * hashes of data blocks, 128 (SHA-512: 64) to a block of 4096 bytes, each further level those of
 * the blocks below it, up to one block, whose hash is the root. Levels from 1 up stay in memory,
 * 1/16384 of the data; blocks of level 0 are in a cache bounded by bytes, and are computed again
 * from their data and checked against level 1 when they fell out of it. With a side-car ({@link
 * io.github.composefs4j.core.verified.MerkleTrees}), the tree is not computed but read, block by
 * block, each checked against the level above: a huge or remote object can then be read at random
 * from its first byte on.
 *
 * <p>The first read hashes an object before its first byte is handed out; given memory for that
 * ({@link io.github.composefs4j.core.verified.FirstReadMemory}), the bytes that were hashed are
 * kept until they are read, so that who reads on in order need not have them hashed again.
 */
package io.github.composefs4j.core.verified;
