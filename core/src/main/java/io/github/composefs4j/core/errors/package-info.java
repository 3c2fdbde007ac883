/**
 * What can be wrong with bytes, trees and stores from outside.
 *
 * <p>Callers branch on the type; people read the message, which is one line and names the source
 * and the place in it. Mistakes in our own code are not part of this tree: they stay {@link
 * IllegalStateException} and {@link AssertionError}.
 */
package io.github.composefs4j.core.errors;
