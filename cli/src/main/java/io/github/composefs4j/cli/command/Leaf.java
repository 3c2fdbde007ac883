package io.github.composefs4j.cli.command;

import java.util.ArrayList;
import java.util.List;

/**
 * A command of a group, made when it is asked for.
 *
 * @param maker makes the command of a name; one for many names, since each function that stands in
 *     a table costs time when the program starts
 */
public record Leaf(String name, Maker maker) implements Entry {
  /** Makes commands. */
  @FunctionalInterface
  public interface Maker {
    /** {@return a new command of this name, which is one of those it was given for} */
    Command make(String name);
  }

  /** {@return entries of these names; the list can grow} */
  public static List<Entry> all(Maker maker, String... names) {
    List<Entry> entries = new ArrayList<>();
    for (String name : names) {
      entries.add(new Leaf(name, maker));
    }
    return entries;
  }

  /** {@return a new command} */
  public Command command() {
    return maker.make(name);
  }
}
