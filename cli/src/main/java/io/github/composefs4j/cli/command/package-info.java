/** What a command is made of: its definition, how arguments are read, where it reads and writes. */
package io.github.composefs4j.cli.command;
