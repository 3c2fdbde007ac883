package io.github.composefs4j.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Options as {@code getopt_long} takes them: mixed with operands, long ones shortened as long as
 * they are unambiguous, {@code --option=value} or {@code --option value}, {@code --} ends them
 * (dump-format.md 13).
 */
final class GetOpt {
  /**
   * An option.
   *
   * @param name without dashes; of one letter it is a short option
   * @param argument what its value is called in help, or null if it takes none
   * @param help one line
   */
  record Option(String name, @Nullable String argument, String help) {}

  /** Receives options in order. */
  interface Handler {
    void option(String name, String value) throws UsageException;
  }

  private GetOpt() {}

  /** {@return the operands; options go to {@code handler} from left to right} */
  static List<String> parse(List<Option> options, List<String> args, boolean posix, Handler handler)
      throws UsageException {
    List<String> operands = new ArrayList<>();
    for (int i = 0; i < args.size(); i++) {
      String arg = args.get(i);
      if (arg.equals("--")) {
        operands.addAll(args.subList(i + 1, args.size()));
        break;
      }
      if (arg.startsWith("--")) {
        int equals = arg.indexOf('=');
        String name = arg.substring(2, equals < 0 ? arg.length() : equals);
        Option option = find(options, name);
        if (option.argument == null) {
          if (equals >= 0) {
            throw new UsageException("option '--" + option.name + "' takes no value");
          }
          handler.option(option.name, "");
        } else if (equals >= 0) {
          handler.option(option.name, arg.substring(equals + 1));
        } else if (++i < args.size()) {
          handler.option(option.name, args.get(i));
        } else {
          throw new UsageException("option '--" + option.name + "' needs a value");
        }
      } else if (arg.startsWith("-") && arg.length() > 1) {
        i = shortOptions(options, args, i, handler);
      } else if (posix) {
        operands.addAll(args.subList(i, args.size()));
        break;
      } else {
        operands.add(arg);
      }
    }
    return operands;
  }

  private static int shortOptions(
      List<Option> options, List<String> args, int index, Handler handler) throws UsageException {
    String arg = args.get(index);
    for (int i = 1; i < arg.length(); i++) {
      String letter = arg.substring(i, i + 1);
      Option found = null;
      for (Option option : options) {
        if (option.name.equals(letter)) {
          found = option;
        }
      }
      if (found == null) {
        throw new UsageException("unknown option '-" + letter + "'");
      }
      if (found.argument == null) {
        handler.option(letter, "");
        continue;
      }
      if (i + 1 < arg.length()) {
        handler.option(letter, arg.substring(i + 1));
        return index;
      }
      if (index + 1 == args.size()) {
        throw new UsageException("option '-" + letter + "' needs a value");
      }
      handler.option(letter, args.get(index + 1));
      return index + 1;
    }
    return index;
  }

  private static Option find(List<Option> options, String name) throws UsageException {
    Option found = null;
    for (Option option : options) {
      if (option.name.length() == 1) {
        continue;
      }
      if (option.name.equals(name)) {
        return option;
      }
      if (option.name.startsWith(name) && !name.isEmpty()) {
        if (found != null) {
          throw new UsageException("option '--" + name + "' is ambiguous");
        }
        found = option;
      }
    }
    if (found == null) {
      throw new UsageException("unknown option '--" + name + "'");
    }
    return found;
  }
}
