package io.github.composefs4j.cli.manual;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.Definition.Operand;
import io.github.composefs4j.cli.command.Definition.Option;
import io.github.composefs4j.cli.command.Definition.Section;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Manual pages in roff, for {@code man(7)}. */
final class ManualPage {
  private final StringBuilder text = new StringBuilder();

  private ManualPage(String name, int section, String version, String summary) {
    text.append(".TH \"").append(quoted(name.toUpperCase(Locale.ROOT))).append("\" ");
    text.append(section).append(" \"\" \"composefs4j ").append(quoted(version)).append("\"\n");
    heading("NAME");
    line(name + " \\- " + escaped(summary));
  }

  /** {@return the page of a node of the tree that {@code nodes} are} */
  static String of(Node node, List<Node> nodes, String version) {
    ManualPage manual = new ManualPage(node.page(), node.section(), version, node.summary());
    manual.heading("SYNOPSIS");
    Definition definition = node.definition();
    boolean own = definition == null || definition.usageStatus() == 2;
    String program = own ? String.join(" ", node.path()) : node.page();
    String usage =
        definition == null
            ? " COMMAND [ARG...]"
            : definition.usage().substring(definition.name().length());
    manual.line("\\fB" + escaped(program) + "\\fR" + escaped(usage));
    manual.heading("DESCRIPTION");
    manual.line(escaped(HelpText.sentence(node.summary())));
    if (definition != null) {
      manual.command(definition);
    } else {
      manual.heading("COMMANDS");
      for (Node below : nodes) {
        if (isBelow(below, node)) {
          manual.item("\\fB" + escaped(below.path().getLast()) + "\\fR", below.summary());
        }
      }
      manual.item("\\fBhelp\\fR [COMMAND]", "print help about a command");
      manual.keys("OPTIONS OF ALL COMMANDS", node.options(), true);
    }
    manual.heading("SEE ALSO");
    List<String> others = new ArrayList<>();
    for (Node other : nodes) {
      if (isBelow(other, node) || isBelow(node, other)) {
        others.add(other.page() + "(" + other.section() + ")");
      }
    }
    manual.line(escaped(String.join(", ", others)));
    return manual.text.toString();
  }

  private static boolean isBelow(Node node, Node above) {
    int depth = above.path().size();
    return node.path().size() == depth + 1 && node.path().subList(0, depth).equals(above.path());
  }

  private void command(Definition definition) {
    for (String paragraph : definition.paragraphs()) {
      text.append(".PP\n");
      line(escaped(paragraph));
    }
    for (Operand operand : definition.operands()) {
      item("\\fI" + escaped(operand.name()) + "\\fR", operand.help());
    }
    keys("OPTIONS", definition.options(), true);
    for (Section keys : definition.sections()) {
      keys(keys.title().toUpperCase(Locale.ROOT), keys.keys(), false);
    }
    exits(definition);
  }

  private void heading(String title) {
    text.append(".SH \"").append(quoted(title)).append("\"\n");
  }

  /** A line may not begin with what roff takes for a request. */
  private void line(String escaped) {
    if (escaped.startsWith(".") || escaped.startsWith("'")) {
      text.append("\\&");
    }
    text.append(escaped).append('\n');
  }

  private void item(String escapedTerm, String help) {
    text.append(".TP\n");
    line(escapedTerm);
    line(escaped(HelpText.sentence(help)));
  }

  private void keys(String title, List<Option> options, boolean dashes) {
    if (options.isEmpty()) {
      return;
    }
    heading(title);
    for (Option option : options) {
      item("\\fB" + escaped(HelpText.written(option, dashes)) + "\\fR", option.help());
    }
  }

  private void exits(Definition definition) {
    heading("EXIT STATUS");
    item("0", "success");
    boolean own = definition.grammar() == Grammar.FULL_NAMES;
    StringBuilder one = new StringBuilder(own ? "an error" : "an error, also in the command line");
    for (String failure : definition.failures()) {
      one.append("; ").append(failure);
    }
    item("1", one.toString());
    if (own) {
      item("2", "the command line is wrong");
    }
    item("70", "a bug, which should be reported");
    item("130", "interrupted; for other signals 128 and the signal's number");
  }

  private static String quoted(String plain) {
    return escaped(plain).replace("\"", "\\(dq");
  }

  private static String escaped(String plain) {
    return plain.replace("\\", "\\e").replace("-", "\\-");
  }
}
