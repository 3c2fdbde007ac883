package io.github.composefs4j.core.sources;

import org.jspecify.annotations.Nullable;

/**
 * What a union knows of one of its stores.
 *
 * @param name what messages call it
 * @param trouble why it is not asked at the moment, or null if it is
 * @param failure what the last call that failed said, or null
 * @param hits objects that it delivered, sound
 * @param misses objects that it has not
 * @param failures calls that failed
 * @param corrupt objects whose bytes were not what the digest promises
 * @param timeouts calls that were given up
 * @param bytes read from it, sound or not
 * @param promoted objects copied from it into the store that receives copies
 */
public record SourceStatus(
    String name,
    @Nullable String trouble,
    @Nullable String failure,
    long hits,
    long misses,
    long failures,
    long corrupt,
    long timeouts,
    long bytes,
    long promoted) {}
