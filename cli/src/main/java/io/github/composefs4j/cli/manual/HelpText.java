package io.github.composefs4j.cli.manual;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Operand;
import io.github.composefs4j.cli.command.Definition.Option;
import io.github.composefs4j.cli.command.Definition.Section;
import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.command.Group;
import io.github.composefs4j.cli.command.Leaf;
import java.util.List;

/** What {@code --help} prints. */
public final class HelpText {
  private static final int COLUMN = 28;
  private static final int WIDTH = 100;

  private HelpText() {}

  /** {@return the help of a command under the name it was called by} */
  public static String of(Definition definition, String program) {
    StringBuilder text = new StringBuilder();
    text.append("usage: ").append(usage(definition, program)).append("\n\n");
    text.append(sentence(definition.summary())).append('\n');
    if (!definition.operands().isEmpty()) {
      text.append("\nOperands:\n");
      for (Operand operand : definition.operands()) {
        row(text, operand.name(), operand.help());
      }
    }
    keys(text, "Options", definition.options(), true);
    for (Section section : definition.sections()) {
      keys(text, section.title(), section.keys(), false);
    }
    return text.toString();
  }

  /** {@return the help of a group} */
  public static String of(Group group) {
    StringBuilder text = new StringBuilder();
    text.append("usage: ").append(group.name()).append(" COMMAND [ARG...]\n\n");
    text.append(sentence(group.summary())).append("\n\nCommands:\n");
    for (Entry entry : group.entries()) {
      row(text, entry.name(), summary(entry));
    }
    row(text, "help [COMMAND]", "print help about a command");
    if (group.common() != null) {
      keys(text, "Options of all commands", group.common().get().options(), true);
    }
    return text.toString();
  }

  private static String summary(Entry entry) {
    return switch (entry) {
      case Group below -> below.summary();
      case Leaf leaf -> leaf.command().definition().summary();
    };
  }

  private static String usage(Definition definition, String program) {
    return program + definition.usage().substring(definition.name().length());
  }

  /**
   * {@return how an option is written: {@code -n, --dry-run}, {@code --root=NAME}, {@code -o LIST}}
   */
  static String written(Option option, boolean dashes) {
    if (!dashes) {
      return option.name() + (option.argument() == null ? "" : "=" + option.argument());
    }
    StringBuilder text = new StringBuilder();
    if (option.letter() != 0) {
      text.append('-').append(option.letter());
    }
    if (!option.name().isEmpty()) {
      text.append(text.isEmpty() ? "--" : ", --").append(option.name());
    }
    if (option.argument() != null) {
      text.append(option.name().isEmpty() ? ' ' : '=').append(option.argument());
    }
    return text.toString();
  }

  static String sentence(String summary) {
    return Character.toUpperCase(summary.charAt(0)) + summary.substring(1) + ".";
  }

  private static void keys(StringBuilder text, String title, List<Option> options, boolean dashes) {
    if (options.isEmpty()) {
      return;
    }
    text.append('\n').append(title).append(":\n");
    for (Option option : options) {
      row(text, written(option, dashes), option.help());
    }
  }

  private static void row(StringBuilder text, String left, String right) {
    text.append("  ").append(left);
    int column = left.length() + 2;
    if (column >= COLUMN) {
      text.append('\n');
      column = 0;
    }
    text.repeat(' ', COLUMN - column);
    column = COLUMN;
    for (String word : right.split(" ", -1)) {
      if (column > COLUMN && column + 1 + word.length() > WIDTH) {
        text.append('\n').repeat(' ', COLUMN);
        column = COLUMN;
      }
      if (column > COLUMN) {
        text.append(' ');
        column++;
      }
      text.append(word);
      column += word.length();
    }
    text.append('\n');
  }
}
