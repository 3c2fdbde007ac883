/**
 * Objects from several places that may be slow, broken or gone.
 *
 * <p>{@link io.github.composefs4j.core.sources.UnionObjectStore} asks an ordered list of stores and
 * hands out verified bytes only. A store that lacks an object, fails, or gives other bytes than the
 * digest promises is passed over for that object; one that does not answer is passed over for all,
 * until it answers again.
 */
package io.github.composefs4j.core.sources;
