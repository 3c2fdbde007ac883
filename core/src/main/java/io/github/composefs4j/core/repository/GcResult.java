package io.github.composefs4j.core.repository;

import java.util.List;

/**
 * What a collection did, or would do.
 *
 * @param dryRun whether nothing was removed
 * @param stopped whether nothing was removed because something that is kept is damaged, or a mount
 *     could not be told: what it needs is not known. The findings say which
 * @param objects number of objects removed
 * @param bytes their size together
 * @param imageLinks links removed below {@code images}; of a dry run those that lead nowhere now
 * @param streamLinks as {@code imageLinks}, below {@code streams}
 * @param temporaries number of files removed that dead writers had left
 * @param kept number of objects that something needs, present or not
 * @param findings what is not as it must be, sorted; most does not stop a collection
 */
public record GcResult(
    boolean dryRun,
    boolean stopped,
    long objects,
    long bytes,
    long imageLinks,
    long streamLinks,
    long temporaries,
    long kept,
    List<Finding> findings) {}
