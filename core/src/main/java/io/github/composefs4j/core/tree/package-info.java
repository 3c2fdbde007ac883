/**
 * The model of a file tree: what an image describes, whatever it came from.
 *
 * <p>A tree is built once, {@linkplain io.github.composefs4j.core.tree.FileTree#of frozen}, and
 * then immutable. Names, link targets and extended attributes are bytes; nothing here decodes them.
 * A hard link is one {@link io.github.composefs4j.core.tree.Inode} under several names.
 *
 * <p>Trees of millions of inodes fit in small heaps: the stat fields lie in the inode, children are
 * two arrays sorted by name, equal xattr sets are one object, and an inode knows neither its parent
 * nor its path.
 */
package io.github.composefs4j.core.tree;
