package io.github.composefs4j.cli.manual;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Definition.Operand;
import io.github.composefs4j.cli.command.Definition.Option;
import io.github.composefs4j.cli.manual.Node.Kind;
import java.util.ArrayList;
import java.util.List;

/** Completion scripts of shells: options, their values, commands and their operands. */
final class Completion {
  private static final String BASH =
      """
      # bash completion for composefs4j
      _composefs() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i value kind=
        local node=${COMP_WORDS[0]##*/} commands options values operands
        COMPREPLY=()
        # "=" is a word of its own to bash
        if [[ $cur == '=' ]]; then
          cur=
        elif [[ $prev == '=' ]]; then
          prev=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        _composefs_node "$node"
        for ((i = 1; i < COMP_CWORD; i++)); do
          if [[ " $commands " == *" ${COMP_WORDS[i]} "* ]]; then
            node+=/${COMP_WORDS[i]}
            _composefs_node "$node"
          fi
        done
        for value in $values; do
          [[ ${value%%=*} == "$prev" ]] && kind=${value#*=}
        done
        if [[ -z $kind && $cur == -* ]]; then
          COMPREPLY=($(compgen -W "$options" -- "$cur"))
          return
        fi
        for kind in ${kind:-$operands words:${commands// /|}}; do
          case $kind in
            words:*)
              kind=${kind//|/ }
              COMPREPLY+=($(compgen -W "${kind#words:}" -- "$cur"))
              ;;
            directory) COMPREPLY+=($(compgen -d -- "$cur")) ;;
            file) COMPREPLY+=($(compgen -f -- "$cur")) ;;
          esac
        done
      }
      """;

  private static final String FISH =
      """
      # fish completion for composefs4j
      function __composefs_words
          string match -v -- '-*' (commandline -opc)[2..]
      end
      function __composefs_at
          set -l words (__composefs_words)
          set -l n (count $argv)
          test $n -eq 0; and return 0
          test (count $words) -ge $n; and test "$words[1..$n]" = "$argv"
      end
      function __composefs_exactly
          set -l words (__composefs_words)
          test "$words" = "$argv"
      end
      """;

  private Completion() {}

  /** {@return a script for bash, with a function that knows every place in the tree} */
  static String bash(List<Node> nodes, List<String> programs) {
    StringBuilder text = new StringBuilder(BASH);
    text.append("_composefs_node() {\n  commands= options= values= operands=\n  case $1 in\n");
    for (Node node : nodes) {
      text.append("    ").append(String.join("/", node.path())).append(")\n");
      if (node.group() != null) {
        text.append("      commands='").append(String.join(" ", commands(node))).append("'\n");
      }
      List<String> options = new ArrayList<>();
      List<String> values = new ArrayList<>();
      for (Option option : node.options()) {
        for (String form : forms(option)) {
          options.add(form);
          if (option.argument() != null) {
            values.add(form + "=" + bashKind(option.argument()));
          }
        }
      }
      text.append("      options='").append(String.join(" ", options)).append("'\n");
      text.append("      values='").append(String.join(" ", values)).append("'\n");
      text.append("      operands='").append(String.join(" ", operands(node))).append("' ;;\n");
    }
    text.append("  esac\n}\n");
    return text.append("complete -F _composefs ")
        .append(String.join(" ", programs))
        .append('\n')
        .toString();
  }

  private static List<String> operands(Node node) {
    List<String> kinds = new ArrayList<>();
    Definition definition = node.definition();
    for (Operand operand : definition == null ? List.<Operand>of() : definition.operands()) {
      String kind = bashKind(operand.name());
      if (!kinds.contains(kind)) {
        kinds.add(kind);
      }
    }
    return kinds;
  }

  private static String bashKind(String argument) {
    return switch (Node.kind(argument)) {
      case WORDS -> "words:" + argument;
      case DIRECTORY -> "directory";
      case FILE -> "file";
      case NOTHING -> "nothing";
    };
  }

  private static List<String> commands(Node node) {
    List<String> names = new ArrayList<>();
    if (node.group() != null) {
      node.group().entries().forEach(entry -> names.add(entry.name()));
      names.add("help");
    }
    return names;
  }

  private static List<String> forms(Option option) {
    List<String> forms = new ArrayList<>();
    if (option.letter() != 0) {
      forms.add("-" + option.letter());
    }
    if (!option.name().isEmpty()) {
      forms.add("--" + option.name());
    }
    return forms;
  }

  /** {@return a script for zsh, with a function for each place in the tree} */
  static String zsh(List<Node> nodes, List<String> programs) {
    StringBuilder text = new StringBuilder("#compdef " + String.join(" ", programs) + "\n");
    for (Node node : nodes) {
      text.append(zshName(node.path())).append("() {\n  local line state\n  _arguments -C");
      for (Option option : node.options()) {
        for (String form : forms(option)) {
          text.append(" \\\n    '").append(form);
          boolean equals = option.argument() != null && form.startsWith("--");
          text.append(equals ? "=[" : "[").append(zshText(option.help())).append(']');
          if (option.argument() != null) {
            text.append(zshValue(option.argument()));
          }
          text.append("'");
        }
      }
      if (node.group() != null) {
        text.append(" \\\n    '1:command:(").append(String.join(" ", commands(node)));
        text.append(")' \\\n    '*::argument:->below'\n  case $line[1] in\n");
        node.group()
            .entries()
            .forEach(entry -> {
              List<String> path = new ArrayList<>(node.path());
              path.add(entry.name());
              text.append("    ").append(entry.name()).append(") ");
              text.append(zshName(path)).append(" ;;\n");
            });
        text.append("  esac\n}\n");
        continue;
      }
      Definition definition = node.definition();
      int position = 1;
      for (Operand operand : definition == null ? List.<Operand>of() : definition.operands()) {
        text.append(" \\\n    '").append(operand.repeated() ? "*" : "" + position++);
        text.append(zshValue(operand.name())).append("'");
      }
      text.append("\n}\n");
    }
    return text.append("_composefs_${service//[^a-z]/_} \"$@\"\n").toString();
  }

  private static String zshName(List<String> path) {
    return "_composefs_" + String.join("_", path).replaceAll("[^a-z]", "_");
  }

  private static String zshValue(String argument) {
    return switch (Node.kind(argument)) {
      case WORDS -> ":word:(" + argument.replace('|', ' ') + ")";
      case DIRECTORY -> ":" + zshText(argument) + ":_files -/";
      case FILE -> ":" + zshText(argument) + ":_files";
      case NOTHING -> ":" + zshText(argument) + ": ";
    };
  }

  private static String zshText(String text) {
    return text.replace("'", "’").replaceAll("([\\[\\]:\\\\])", "\\\\$1");
  }

  /** {@return a script for fish} */
  static String fish(List<Node> nodes) {
    StringBuilder text = new StringBuilder(FISH);
    for (Node node : nodes) {
      List<String> below = node.path().subList(1, node.path().size());
      String start = "complete -c " + node.path().getFirst() + " -n '__composefs_";
      String at = start + String.join(" ", with("at", below)) + "'";
      String exactly = start + String.join(" ", with("exactly", below)) + "'";
      if (node.group() != null) {
        node.group()
            .entries()
            .forEach(
                entry -> text.append(exactly).append(" -f -a ").append(entry.name()).append('\n'));
      }
      for (Option option : node.options()) {
        text.append(at);
        if (option.letter() != 0) {
          text.append(" -s ").append(option.letter());
        }
        if (!option.name().isEmpty()) {
          text.append(" -l ").append(option.name());
        }
        if (option.argument() != null) {
          text.append(fishValue(option.argument()));
        }
        text.append(" -d '").append(option.help().replace("'", "\\'")).append("'\n");
      }
      Definition definition = node.definition();
      for (Operand operand : definition == null ? List.<Operand>of() : definition.operands()) {
        if (Node.kind(operand.name()) == Kind.WORDS) {
          text.append(at).append(" -a '").append(operand.name().replace('|', ' ')).append("'\n");
        }
      }
    }
    return text.toString();
  }

  private static List<String> with(String first, List<String> rest) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(rest);
    return all;
  }

  private static String fishValue(String argument) {
    return switch (Node.kind(argument)) {
      case WORDS -> " -x -a '" + argument.replace('|', ' ') + "'";
      case DIRECTORY -> " -x -a '(__fish_complete_directories)'";
      case FILE -> " -r -F";
      case NOTHING -> " -x";
    };
  }
}
