package io.github.composefs4j.cli.command;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a command takes and means: the one source of how its arguments are read and of its help,
 * manual page and completion. Built by chaining, by the command it belongs to, whose fields the
 * actions set; for one thread.
 *
 * <p>The name of a value or operand tells completion what to offer: {@code a|b|c} these words,
 * {@code DIR} and {@code MOUNTPOINT} directories, {@code FILE}, {@code IMAGE}, {@code SOURCE},
 * {@code SRC}, {@code DEST} and {@code PATH} files, anything else nothing.
 */
public final class Definition {
  /** How arguments are read. */
  public enum Grammar {
    /** As {@code getopt_long} does, for programs that stand in for others; usage errors are 1. */
    GETOPT,
    /** Every argument is an operand; usage errors are 1. */
    OPERANDS,
    /** Names in full, {@code --help} everywhere; usage errors are 2. */
    FULL_NAMES
  }

  /** What an option does when it is met. */
  @FunctionalInterface
  public interface Action {
    /** Takes the value, empty if the option has none. */
    void accept(String value) throws UsageException;
  }

  /**
   * An option, or a key of a list of them.
   *
   * @param letter of the short form, or 0
   * @param name of the long form, or empty
   * @param argument what its value is called, or null if it takes none
   * @param help one sentence without a full stop
   */
  public record Option(
      char letter, String name, @Nullable String argument, String help, Action action) {}

  /** An operand of the usage line. */
  public record Operand(String name, String help, boolean optional, boolean repeated) {
    /** {@return how it stands in a usage line} */
    public String usage() {
      String text = name + (repeated ? "..." : "");
      return optional ? "[" + text + "]" : text;
    }
  }

  /** A further section of the manual page: a list of keys, as options are. */
  public record Section(String title, List<Option> keys) {}

  private final Grammar grammar;
  private final String name;
  private final String summary;
  private final List<Option> options = new ArrayList<>();
  private final List<Operand> operands = new ArrayList<>();
  private final List<Section> sections = new ArrayList<>();
  private final List<String> paragraphs = new ArrayList<>();
  private final List<String> failures = new ArrayList<>();

  private Definition(Grammar grammar, String name, String summary) {
    this.grammar = grammar;
    this.name = name;
    this.summary = summary;
  }

  /** {@return the definition of a program that stands in for one of the C tools} */
  public static Definition dropIn(Grammar grammar, String name, String summary) {
    return new Definition(grammar, name, summary);
  }

  /** {@return the definition of one of our own commands} */
  public static Definition command(String name, String summary) {
    return new Definition(Grammar.FULL_NAMES, name, summary)
        .option(
            'h',
            "help",
            null,
            "print this help",
            _ -> {
              throw new HelpRequest(true, 0);
            });
  }

  /** Adds an option with a value. */
  public Definition option(String name, String argument, String help, Action action) {
    return option((char) 0, name, argument, help, action);
  }

  /** Adds an option without a value. */
  public Definition flag(String name, String help, Runnable action) {
    return option((char) 0, name, null, help, _ -> action.run());
  }

  /** Adds an option of any shape. */
  public Definition option(
      char letter, String name, @Nullable String argument, String help, Action action) {
    options.add(new Option(letter, name, argument, help, action));
    return this;
  }

  /** Adds an operand that must be there. */
  public Definition operand(String name, String help) {
    operands.add(new Operand(name, help, false, false));
    return this;
  }

  /** Adds an operand that may be left out; after those that must be there. */
  public Definition optional(String name, String help) {
    operands.add(new Operand(name, help, true, false));
    return this;
  }

  /** Adds the last operand: any number, at least one unless {@code optional}. */
  public Definition repeated(String name, String help, boolean optional) {
    operands.add(new Operand(name, help, optional, true));
    return this;
  }

  /** Adds a paragraph to the description. */
  public Definition describe(String paragraph) {
    paragraphs.add(paragraph);
    return this;
  }

  /** Adds a section of keys. */
  public Definition section(String title, List<Option> keys) {
    sections.add(new Section(title, keys));
    return this;
  }

  /** Says for what exit status 1 stands besides errors. */
  public Definition failure(String meaning) {
    failures.add(meaning);
    return this;
  }

  public Grammar grammar() {
    return grammar;
  }

  public String name() {
    return name;
  }

  public String summary() {
    return summary;
  }

  public List<Option> options() {
    return options;
  }

  public List<Operand> operands() {
    return operands;
  }

  public List<Section> sections() {
    return sections;
  }

  public List<String> paragraphs() {
    return paragraphs;
  }

  public List<String> failures() {
    return failures;
  }

  /** {@return the exit status of a wrong command line} */
  public int usageStatus() {
    return grammar == Grammar.FULL_NAMES ? 2 : 1;
  }

  /** {@return what it is called below a group: programs that stand in for others by their name} */
  public String programName(String group) {
    return grammar == Grammar.FULL_NAMES ? group + " " + name : name;
  }

  /** {@return the usage line without "usage:"} */
  public String usage() {
    StringBuilder text = new StringBuilder(name);
    if (!options.isEmpty()) {
      text.append(" [OPTION...]");
    }
    for (Operand operand : operands) {
      text.append(' ').append(operand.usage());
    }
    return text.toString();
  }
}
