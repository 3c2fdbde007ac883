/**
 * The commands. Each parses, calls the library, prints, returns an exit code; none does what a
 * program could not.
 */
package io.github.composefs4j.cli;
