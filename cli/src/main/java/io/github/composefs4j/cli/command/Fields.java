package io.github.composefs4j.cli.command;

/** Names in lines that programs read. */
public final class Fields {
  private Fields() {}

  /**
   * {@return a name with control characters, the backslash and some others as a backslash and three
   * octal digits, as in {@code /proc/mounts}} So a line stays one, and a terminal obeys no name.
   *
   * @param separators what separates the fields of the line
   */
  public static String escape(String name, String separators) {
    StringBuilder text = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c < ' ' || c == 0x7f || c == '\\' || separators.indexOf(c) >= 0) {
        text.append('\\')
            .append((char) ('0' + (c >> 6)))
            .append((char) ('0' + (c >> 3 & 7)))
            .append((char) ('0' + (c & 7)));
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }
}
