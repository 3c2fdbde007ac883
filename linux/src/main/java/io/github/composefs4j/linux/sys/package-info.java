/**
 * System calls. The only package that touches {@code java.lang.foreign}'s restricted parts.
 *
 * <p>All calls go through one downcall of the C library's {@code syscall}: making a second shape
 * costs a short command 15 to 30 ms, and against a system call the difference per call does not
 * show.
 */
package io.github.composefs4j.linux.sys;
