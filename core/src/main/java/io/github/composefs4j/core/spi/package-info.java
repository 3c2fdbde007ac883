/** What core asks of the operating system, and who answers. */
package io.github.composefs4j.core.spi;
