package io.github.composefs4j.cli.command;

import java.util.function.Supplier;

/** A command of a group, made when it is asked for. */
public record Leaf(String name, Supplier<Command> command) implements Entry {}
