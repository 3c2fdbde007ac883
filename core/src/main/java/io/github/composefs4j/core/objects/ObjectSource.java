package io.github.composefs4j.core.objects;

import io.github.composefs4j.core.spi.HostFile;

/**
 * A file to become an object.
 *
 * @param file open for reading; stays open
 * @param size what it must have
 * @param path what messages call it, printable
 */
public record ObjectSource(HostFile file, long size, String path) {}
