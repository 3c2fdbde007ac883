/** The programs that stand in for the C tools, option by option (dump-format.md 12 to 16). */
package io.github.composefs4j.cli.images;
