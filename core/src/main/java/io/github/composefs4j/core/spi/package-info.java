/**
 * What core asks of the operating system, and who answers.
 *
 * <p>{@link io.github.composefs4j.core.spi.Platform#portable} works everywhere with {@code
 * java.nio.file} and says what it cannot see; the Linux platform, found by {@link
 * java.util.ServiceLoader}, sees everything through system calls. All of it is built on handles of
 * open directories: names are bytes, paths may be of any length, and a directory that is renamed
 * meanwhile stays the same directory.
 */
package io.github.composefs4j.core.spi;
