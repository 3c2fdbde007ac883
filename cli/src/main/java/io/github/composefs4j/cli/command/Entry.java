package io.github.composefs4j.cli.command;

/** What stands under a name: a command or a group of them. */
public sealed interface Entry permits Group, Leaf {
  /** {@return the word that chooses it} */
  String name();
}
