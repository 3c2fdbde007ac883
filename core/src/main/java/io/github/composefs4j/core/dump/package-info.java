/**
 * The text form of a tree, one inode a line (dump-format.md).
 *
 * <pre>
 * PATH SIZE MODE NLINK UID GID RDEV SEC.NSEC PAYLOAD CONTENT DIGEST [KEY=VALUE]…
 * /usr/bin/sh 125640 100755 1 0 0 0 1700000000.0 3a/41d2… - 3a41d2… security.selinux=…
 * </pre>
 *
 * Columns are cut at single spaces; {@code \\ \n \r \t \xHH} stand for bytes; {@code -} alone is
 * "absent"; {@code @} before the mode makes the line a hard link to the path in PAYLOAD. Parents
 * come before children.
 */
package io.github.composefs4j.core.dump;
