/** Help, manual pages and completion, all made from the commands' definitions. */
package io.github.composefs4j.cli.manual;
