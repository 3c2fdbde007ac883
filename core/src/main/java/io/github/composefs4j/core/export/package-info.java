/** Trees become directories of the host again. */
package io.github.composefs4j.core.export;
