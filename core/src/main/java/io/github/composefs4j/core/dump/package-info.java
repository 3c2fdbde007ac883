/** The text form of a tree: one inode a line (dump-format.md). */
package io.github.composefs4j.core.dump;
