/**
 * The FUSE protocol over the bytes of an image (fuse-and-mount.md 4 to 8): requests in, replies
 * out, no device.
 *
 * <p>{@link io.github.composefs4j.fuse.protocol.FuseSession} is one mounted image, {@link
 * io.github.composefs4j.fuse.protocol.RequestHandler} one thread that answers for it. Nothing about
 * the tree is kept in memory: a node's id tells where its inode is in the image. All that the
 * kernel may keep it may keep for ever, so a second walk of a tree sends no request.
 */
package io.github.composefs4j.fuse.protocol;
