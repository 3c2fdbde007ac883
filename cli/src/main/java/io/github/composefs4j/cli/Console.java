package io.github.composefs4j.cli;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.function.BooleanSupplier;

/**
 * Where a command reads and writes.
 *
 * @param out standard output, bytes; the command flushes it
 * @param err standard error, for people
 * @param outIsTerminal tells whether an image must not be written to {@code out}
 */
record Console(InputStream in, OutputStream out, PrintStream err, BooleanSupplier outIsTerminal) {}
