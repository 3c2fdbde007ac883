package io.github.composefs4j.core.repository;

/**
 * A named link below {@code refs}.
 *
 * @param name path below {@code refs}, as {@code FileName.decode} turns bytes into text
 * @param entry the name of the entry it leads to: the link text after its last slash. Nothing says
 *     that the entry exists
 */
public record Ref(String name, String entry) {}
