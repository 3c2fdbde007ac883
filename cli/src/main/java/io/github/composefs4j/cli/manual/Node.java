package io.github.composefs4j.cli.manual;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.command.Group;
import io.github.composefs4j.cli.command.Leaf;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A place in the tree of commands, with the words that lead to it.
 *
 * @param path the words, the program's name first
 * @param group what is below, or null
 * @param definition what the command takes, or null for a group
 */
record Node(List<String> path, @Nullable Group group, @Nullable Definition definition) {
  /** What completion offers for a value or an operand. */
  enum Kind {
    WORDS,
    DIRECTORY,
    FILE,
    NOTHING
  }

  /** {@return a program and everything below it, parents first} */
  static List<Node> of(Entry program) {
    List<Node> nodes = new ArrayList<>();
    collect(program, List.of(), nodes);
    return nodes;
  }

  private static void collect(Entry entry, List<String> above, List<Node> nodes) {
    List<String> path = new ArrayList<>(above);
    path.add(entry.name());
    switch (entry) {
      case Group group -> {
        nodes.add(new Node(List.copyOf(path), group, null));
        group.entries().forEach(each -> collect(each, path, nodes));
      }
      case Leaf leaf -> nodes.add(new Node(List.copyOf(path), null, leaf.command().definition()));
    }
  }

  /** {@return the name of the manual page} */
  String page() {
    boolean own = definition == null || definition.usageStatus() == 2;
    return own ? String.join("-", path) : path.getLast();
  }

  /** {@return the section of the manual page: programs for administrators are in 8} */
  int section() {
    return path.getLast().startsWith("mount.") ? 8 : 1;
  }

  String summary() {
    if (group != null) {
      return group.summary();
    }
    return definition == null ? "" : definition.summary();
  }

  /** {@return the options that may stand at this place} */
  List<Definition.Option> options() {
    if (definition != null) {
      return definition.options();
    }
    return group == null || group.common() == null ? List.of() : group.common().get().options();
  }

  static Kind kind(String argument) {
    if (argument.contains("|")) {
      return Kind.WORDS;
    }
    return switch (argument.replaceAll("[^A-Z].*", "")) {
      case "DIR", "MOUNTPOINT", "REPO" -> Kind.DIRECTORY;
      case "FILE", "IMAGE", "SOURCE", "SRC", "DEST", "PATH" -> Kind.FILE;
      default -> Kind.NOTHING;
    };
  }
}
