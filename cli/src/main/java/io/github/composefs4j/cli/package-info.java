/**
 * The commands. Each parses, calls the library, prints, returns an exit status; none does what a
 * program could not. Arrows: this package, which knows all commands, uses the packages of commands,
 * these use {@code manual} and {@code command}.
 */
package io.github.composefs4j.cli;
