/** Host directories become trees. */
package io.github.composefs4j.core.scan;
