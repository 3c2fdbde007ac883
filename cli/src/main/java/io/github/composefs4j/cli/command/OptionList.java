package io.github.composefs4j.cli.command;

import io.github.composefs4j.cli.command.Definition.Option;
import java.util.List;

/** A list of mount options as {@code mount(8)} takes it: {@code key,key=value,…}. */
public final class OptionList {
  /** Defaults, and what means something to mount(8) alone, which passes it on from fstab(5). */
  private static final List<String> OF_MOUNT =
      List.of("defaults", "suid", "dev", "exec", "relatime", "auto", "noauto", "nofail", "_netdev");

  private OptionList() {}

  /** {@return keys that are accepted and change nothing} */
  public static List<Option> ofMount() {
    return OF_MOUNT.stream().map(name -> flag(name, "accepted for mount(8)", () -> {})).toList();
  }

  /**
   * Acts on each option of a list, from left to right. A backslash takes the meaning from the
   * character after it.
   */
  public static void parse(String list, List<Option> keys) throws UsageException {
    StringBuilder current = new StringBuilder();
    for (int i = 0; i <= list.length(); i++) {
      char c = i == list.length() ? ',' : list.charAt(i);
      if (c == '\\' && i < list.length()) {
        if (++i < list.length()) {
          current.append(list.charAt(i));
        }
      } else if (c == ',') {
        if (!list.isEmpty()) {
          accept(current.toString(), keys);
        }
        current.setLength(0);
      } else {
        current.append(c);
      }
    }
  }

  private static void accept(String text, List<Option> keys) throws UsageException {
    int equals = text.indexOf('=');
    String name = equals < 0 ? text : text.substring(0, equals);
    for (Option key : keys) {
      if (key.name().equals(name)) {
        boolean valued = key.argument() != null;
        if (valued && (equals < 0 || equals + 1 == text.length())) {
          throw new UsageException("no value for option '" + name + "'");
        }
        key.action().accept(valued ? text.substring(equals + 1) : "");
        return;
      }
    }
    throw new UsageException("unsupported option '" + name + "'");
  }

  /** {@return a key with a value} */
  public static Option key(String name, String argument, String help, Definition.Action action) {
    return new Option((char) 0, name, argument, help, action);
  }

  /** {@return a key without a value} */
  public static Option flag(String name, String help, Runnable action) {
    return new Option((char) 0, name, null, help, _ -> action.run());
  }
}
