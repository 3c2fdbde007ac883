package io.github.composefs4j.core.nio;

import java.util.regex.PatternSyntaxException;

/**
 * Globs as {@link java.nio.file.FileSystem#getPathMatcher} describes them, as regular expressions.
 */
final class Globs {
  private static final String META = ".^$+{[]|()\\*?";

  private Globs() {}

  /**
   * {@return the regular expression that takes the same strings}
   *
   * @throws PatternSyntaxException if it is no glob
   */
  static String toRegex(String glob) {
    StringBuilder regex = new StringBuilder(glob.length() + 16);
    boolean inGroup = false;
    int at = 0;
    while (at < glob.length()) {
      char c = glob.charAt(at++);
      switch (c) {
        case '\\' -> {
          if (at == glob.length()) {
            throw new PatternSyntaxException("nothing to escape", glob, at - 1);
          }
          literal(regex, glob.charAt(at++));
        }
        case '[' -> at = bracket(glob, at, regex);
        case '{' -> {
          if (inGroup) {
            throw new PatternSyntaxException("a group in a group", glob, at - 1);
          }
          regex.append("(?:(?:");
          inGroup = true;
        }
        case '}' -> {
          regex.append(inGroup ? "))" : "\\}");
          inGroup = false;
        }
        case ',' -> regex.append(inGroup ? ")|(?:" : ",");
        case '*' -> {
          boolean crosses = at < glob.length() && glob.charAt(at) == '*';
          at += crosses ? 1 : 0;
          regex.append(crosses ? ".*" : "[^/]*");
        }
        case '?' -> regex.append("[^/]");
        default -> literal(regex, c);
      }
    }
    if (inGroup) {
      throw new PatternSyntaxException("a group without end", glob, glob.length() - 1);
    }
    return regex.toString();
  }

  private static void literal(StringBuilder regex, char c) {
    if (META.indexOf(c) >= 0 || c == '}') {
      regex.append('\\');
    }
    regex.append(c);
  }

  /** Takes a bracket expression, which never matches a slash; returns where it ends. */
  private static int bracket(String glob, int start, StringBuilder regex) {
    int at = start;
    regex.append("[[^/]&&[");
    if (at < glob.length() && glob.charAt(at) == '!') {
      regex.append('^');
      at++;
    } else if (at < glob.length() && glob.charAt(at) == '^') {
      regex.append("\\^");
      at++;
    }
    if (at < glob.length() && glob.charAt(at) == '-') {
      regex.append("\\-");
      at++;
    }
    boolean rangeMayStart = false;
    char last = 0;
    while (at < glob.length()) {
      char c = glob.charAt(at++);
      if (c == ']') {
        regex.append("]]");
        return at;
      }
      if (c == '/') {
        throw new PatternSyntaxException("a slash in a class", glob, at - 1);
      }
      if (c == '-' && rangeMayStart && at < glob.length() && glob.charAt(at) != ']') {
        char end = glob.charAt(at++);
        if (end < last) {
          throw new PatternSyntaxException("a range that ends before it starts", glob, at - 3);
        }
        regex.append('-');
        inClass(regex, end);
        rangeMayStart = false;
        continue;
      }
      inClass(regex, c);
      rangeMayStart = true;
      last = c;
    }
    throw new PatternSyntaxException("a class without end", glob, glob.length() - 1);
  }

  private static void inClass(StringBuilder regex, char c) {
    if (c == '\\' || c == '[' || c == '&' || c == '-' || c == '^') {
      regex.append('\\');
    }
    regex.append(c);
  }
}
