package io.github.composefs4j.cli.command;

import io.github.composefs4j.cli.command.Definition.Grammar;
import io.github.composefs4j.cli.command.Definition.Operand;
import io.github.composefs4j.cli.command.Definition.Option;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads command lines as {@code getopt_long} does: options mixed with operands, {@code
 * --option=value} or {@code --option value}, {@code --} ends them (dump-format.md 13). Long names
 * may be shortened in {@link Grammar#GETOPT} only.
 */
public final class GetOpt {
  private final Definition definition;
  private final boolean stopAtOperand;
  private int next;

  private GetOpt(Definition definition, boolean stopAtOperand) {
    this.definition = definition;
    this.stopAtOperand = stopAtOperand;
  }

  /**
   * {@return the operands of a command line; options act from left to right}
   *
   * @param posix whether options end at the first operand, as POSIXLY_CORRECT asks of programs that
   *     stand in for others
   */
  public static List<String> parse(Definition definition, List<String> args, boolean posix)
      throws UsageException {
    if (definition.grammar() == Grammar.OPERANDS) {
      return args;
    }
    boolean stop = posix && definition.grammar() == Grammar.GETOPT;
    List<String> operands = new GetOpt(definition, stop).read(args);
    if (definition.grammar() == Grammar.FULL_NAMES) {
      checkCount(definition, operands);
    }
    return operands;
  }

  /** {@return where in {@code args} the first operand stands; options before it act} */
  public static int firstOperand(Definition definition, List<String> args) throws UsageException {
    GetOpt options = new GetOpt(definition, true);
    options.read(args);
    return options.next;
  }

  private static void checkCount(Definition definition, List<String> operands)
      throws UsageException {
    int at = 0;
    for (Operand operand : definition.operands()) {
      if (at == operands.size() && !operand.optional()) {
        throw new UsageException(operand.name() + " is missing; see --help");
      }
      at = operand.repeated() ? operands.size() : Math.min(at + 1, operands.size());
    }
    if (at < operands.size()) {
      throw new UsageException("unexpected '" + operands.get(at) + "'; see --help");
    }
  }

  private List<String> read(List<String> args) throws UsageException {
    List<String> operands = new ArrayList<>();
    while (next < args.size()) {
      String arg = args.get(next);
      if (arg.equals("--")) {
        operands.addAll(args.subList(++next, args.size()));
        break;
      }
      if (arg.startsWith("--")) {
        next++;
        longOption(arg, args);
      } else if (arg.startsWith("-") && arg.length() > 1) {
        next++;
        shortOptions(arg, args);
      } else if (stopAtOperand) {
        operands.addAll(args.subList(next, args.size()));
        break;
      } else {
        operands.add(arg);
        next++;
      }
    }
    return operands;
  }

  private void longOption(String arg, List<String> args) throws UsageException {
    int equals = arg.indexOf('=');
    Option option = find(arg.substring(2, equals < 0 ? arg.length() : equals));
    String value = equals < 0 ? null : arg.substring(equals + 1);
    if (option.argument() == null) {
      if (value != null) {
        throw new UsageException("option '--" + option.name() + "' takes no value");
      }
      option.action().accept("");
    } else {
      option.action().accept(value != null ? value : value(args, "--" + option.name()));
    }
  }

  private void shortOptions(String arg, List<String> args) throws UsageException {
    for (int i = 1; i < arg.length(); i++) {
      char letter = arg.charAt(i);
      Option option = byLetter(letter);
      if (option == null) {
        throw new UsageException("unknown option '-" + letter + "'");
      }
      if (option.argument() == null) {
        option.action().accept("");
      } else {
        boolean attached = i + 1 < arg.length();
        option.action().accept(attached ? arg.substring(i + 1) : value(args, "-" + letter));
        return;
      }
    }
  }

  private String value(List<String> args, String option) throws UsageException {
    if (next == args.size()) {
      throw new UsageException("option '" + option + "' needs a value");
    }
    return args.get(next++);
  }

  private @Nullable Option byLetter(char letter) {
    for (Option option : definition.options()) {
      if (option.letter() == letter) {
        return option;
      }
    }
    return null;
  }

  private Option find(String name) throws UsageException {
    Option found = null;
    boolean ambiguous = false;
    for (Option option : definition.options()) {
      if (option.name().equals(name) && !name.isEmpty()) {
        return option;
      }
      if (definition.grammar() == Grammar.GETOPT
          && !option.name().isEmpty()
          && option.name().startsWith(name)) {
        ambiguous = found != null;
        found = option;
      }
    }
    if (ambiguous) {
      throw new UsageException("option '--" + name + "' is ambiguous");
    }
    if (found == null && name.equals("help")) {
      throw new HelpRequest(false, definition.usageStatus());
    }
    if (found == null) {
      throw new UsageException("unknown option '--" + name + "'");
    }
    return found;
  }
}
