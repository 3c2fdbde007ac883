/**
 * EROFS images as composefs writes and reads them. Integers are little-endian; bytes that nothing
 * is said about are zero; equal trees give equal bytes.
 *
 * <p>{@link io.github.composefs4j.core.erofs.ImageWriter} makes an image of a tree, {@link
 * io.github.composefs4j.core.erofs.ErofsImage} reads one. Everything else is reached from these.
 * References such as "12.3, D9" in this package are to {@code erofs-image.md}.
 *
 * <h2>Regions</h2>
 *
 * <pre>
 *      0  composefs header, 32 bytes: magic d078629a, header version 1, flags, composefs version
 *   1024  superblock, 128 bytes: magic e0f5e1e2, block size 2^12, root nid, inodes, epoch, blocks
 *   1152  inodes; nid n is at byte 32 n. Each is followed by its xattr body and its tail
 *      …  shared xattrs, from a multiple of 32 on
 *      …  blocks of 4096 bytes: directories, inline content, symlink targets
 * </pre>
 *
 * <h2>Inode</h2>
 *
 * <pre>
 *             compact, 32 bytes      extended, 64 bytes
 *   format    0, 2                   0, 2     bit 0 extended; bits 1 to 3 layout
 *   icount    2, 2                   2, 2     size of the xattr body: 12 + 4 (icount - 1), 0 for none
 *   mode      4, 2                   4, 2
 *   nlink     6, 2                  44, 4
 *   size      8, 4                   8, 8
 *   u        16, 4                  16, 4     block, device number, or chunk format
 *   uid      24, 2                  24, 4
 *   gid      26, 2                  28, 4
 *   mtime    the superblock's       32, 8 seconds; 40, 4 nanoseconds
 * </pre>
 *
 * <p>Layouts: 0, all data in blocks from {@code u}; 2, the last {@code size mod 4096} bytes behind
 * the xattr body, whole blocks from {@code u}; 4, in chunks of 2^(12 + (u and 31)) bytes, whose
 * block addresses are behind the body. In composefs images layout 4 means a file whose content is
 * an object outside; its chunks are holes.
 *
 * <h2>Directory block</h2>
 *
 * <pre>
 *   k entries of 12 bytes: nid (0, 8), offset of the name in the block (8, 2), file type (10, 1)
 *   k names in the same order, without separators; the first at 12 k
 * </pre>
 *
 * <p>Names ascend by unsigned bytes over all blocks; {@code .} and {@code ..} stand among them.
 *
 * <h2>Xattrs</h2>
 *
 * <pre>
 *   body    name filter (0, 4), number of references r (4, 1), r references of 4 bytes from 12 on,
 *           then entries; a reference counts words from the block of the shared xattrs
 *   entry   suffix length (0, 1), prefix (1, 1), value length (2, 2), suffix, value, padding to 4
 * </pre>
 *
 * <p>What the writer adds and the reader takes away again (4, 12.2): {@code
 * trusted.overlay.redirect} and {@code .metacopy} name an external file's object and digest; input
 * names below {@code trusted.overlay.} get a second {@code overlay.}; in V0 and V1, whiteouts
 * become marked regular files, and 256 stubs {@code 00} to {@code ff} in the root hide the
 * directories of the objects.
 *
 * <h2>Versions</h2>
 *
 * <p>V0 and V1 differ in the opaque marks of directories with whiteouts. V2 is older: inodes
 * depth-first and always extended, whole seconds, whiteouts as they are, no stubs (11).
 *
 * <h2>Trust</h2>
 *
 * <p>An image may come from anywhere. The reader checks every structure when it reaches it, in
 * exact arithmetic, and fails with a {@link
 * io.github.composefs4j.core.errors.CorruptImageException} or, for features of EROFS that it does
 * not read (compression, further devices, 48-bit addresses), an {@link
 * io.github.composefs4j.core.errors.UnsupportedFormatException}. Three limits keep small images
 * from becoming large trees: directories nest at most 2048 deep and have one name each, entries
 * together fit in the image, and so do inodes with what belongs to them alone.
 */
package io.github.composefs4j.core.erofs;
