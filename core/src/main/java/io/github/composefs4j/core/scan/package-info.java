/** Host directories become trees (erofs-image.md, section 10). */
package io.github.composefs4j.core.scan;
