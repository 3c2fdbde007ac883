package io.github.composefs4j.core.stream;

import io.github.composefs4j.core.verity.Digest;

/**
 * An object that a stream keeps alive under a name.
 *
 * @param name any text without NUL
 */
public record NamedReference(String name, Digest digest) {}
