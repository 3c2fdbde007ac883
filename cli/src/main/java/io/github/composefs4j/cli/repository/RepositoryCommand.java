package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Definition;

/** A command on a repository. */
abstract class RepositoryCommand implements Command {
  /** Which repository. */
  final RepositoryOptions repository = new RepositoryOptions();

  /** {@return what the command takes besides} */
  abstract Definition own();

  @Override
  public final Definition definition() {
    return repository.addTo(own());
  }
}
