/**
 * Functions from tree to tree that decide digests: what makes the tree of a container image
 * reproducible (oci.md, section 7), and what makes it bootable (section 8).
 *
 * <p>The given tree stays as it is; inodes that do not change are shared. Link counts are those of
 * the names that remain, and an inode's own entry becomes its first name in the order of the walk.
 */
package io.github.composefs4j.core.transform;
