package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.tree.FileName;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A regular expression of a policy file, for paths whose bytes are chars. Written for PCRE, it is
 * put into the JDK's dialect: POSIX classes are spelled out, {@code ^} and {@code $} hold to the
 * ends alone, {@code [} and {@code &} within classes and braces that are no repetition are plain
 * characters, and a character beyond ASCII is the bytes of its UTF-8.
 *
 * <p>The engine backtracks, so hostile patterns could take for ever: steps are counted, and so are
 * the repetitions that a pattern asks for.
 */
final class PathPattern {
  /** Most repetitions in all that counts such as {@code {3,7}} of one pattern may multiply to. */
  private static final long REPEAT_MAX = 1 << 16;

  private static final long DEEP_STACK = 512 << 20;

  private final Pattern pattern;
  private final String text;
  private final String prefix;

  private PathPattern(Pattern pattern, String text, String prefix) {
    this.pattern = pattern;
    this.text = text;
    this.prefix = prefix;
  }

  /** What matching may cost yet. */
  static final class Steps {
    private long left;

    Steps(long left) {
      this.left = left;
    }

    void grant(long more) {
      left += more;
    }

    private void take() {
      if (--left < 0) {
        throw new TooManySteps();
      }
    }
  }

  private static final class TooManySteps extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooManySteps() {
      super("a pattern takes too long", null, false, false);
    }
  }

  /**
   * {@return a pattern for the whole of a path and the character of its type}
   *
   * @param type the only file type it is for, or null for all
   */
  static PathPattern compile(String text, @Nullable Character type) throws ComposefsException {
    try {
      Translator translator = new Translator(text);
      String translated = translator.translate();
      Pattern pattern =
          Pattern.compile(
              "\\A(" + translated + ")" + (type == null ? "." : type) + "\\z", Pattern.DOTALL);
      return new PathPattern(pattern, text, translator.prefix());
    } catch (PatternSyntaxException e) {
      throw new ComposefsException("pattern '" + printable(text) + "': " + e.getDescription(), e);
    } catch (StackOverflowError e) {
      throw new ComposefsException("pattern '" + printable(text) + "' is nested too deeply");
    }
  }

  private static String printable(String text) {
    return FileName.printable(FileName.encode(text));
  }

  /** {@return what every path that matches begins with} */
  String prefix() {
    return prefix;
  }

  /**
   * {@return whether a path with its type character matches}
   *
   * @throws ComposefsException if that takes more steps than are left
   */
  boolean matches(String subject, Steps steps) throws ComposefsException {
    try {
      try {
        return pattern.matcher(new Counted(subject, steps)).matches();
      } catch (StackOverflowError e) {
        return matchesOnDeepStack(subject, steps);
      }
    } catch (TooManySteps | StackOverflowError e) {
      throw new ComposefsException(
          "pattern '" + printable(text) + "' of the SELinux policy takes too long to match", e);
    }
  }

  /** The engine recurses for each repetition of a group: a long path may need more than is here. */
  private boolean matchesOnDeepStack(String subject, Steps steps) {
    AtomicReference<@Nullable Object> result = new AtomicReference<>();
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                result.set(pattern.matcher(new Counted(subject, steps)).matches());
              } catch (TooManySteps | StackOverflowError e) {
                result.set(e);
              }
            },
            "composefs-labels",
            DEEP_STACK);
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // the steps that are left bound the wait
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return switch (result.get()) {
      case Boolean matched -> matched;
      case null, default -> throw new TooManySteps();
    };
  }

  /** A text that counts how often it is looked at. */
  private record Counted(String text, Steps steps) implements CharSequence {
    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      steps.take();
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Reads a pattern once, from left to right. */
  private static final class Translator {
    private final String in;
    private final StringBuilder out = new StringBuilder();

    /** The constant beginning, as long as {@link #constant}; where its last character starts. */
    private final StringBuilder prefix = new StringBuilder();

    private int lastLiteral;
    private boolean constant = true;
    private boolean alternatives;
    private int depth;
    private long repeats = 1;
    private int at;

    Translator(String in) {
      this.in = in;
    }

    String prefix() {
      return alternatives ? "" : prefix.toString();
    }

    String translate() {
      while (at < in.length()) {
        int c = in.codePointAt(at);
        switch (c) {
          case '\\' -> escape();
          case '[' -> characterClass();
          case '{' -> brace();
          case '^' -> meta("\\A");
          case '$' -> meta("\\z");
          case '*', '?', '+' -> {
            dropLast();
            meta(Character.toString(c));
          }
          case '(' -> {
            depth++;
            meta("(");
            group();
          }
          case ')' -> {
            depth--;
            meta(")");
          }
          case '|' -> {
            alternatives |= depth <= 0;
            meta("|");
          }
          case '.' -> meta(".");
          default -> {
            at += Character.charCount(c);
            literal(c);
          }
        }
      }
      return out.toString();
    }

    /** Copies what a group with a question mark says of itself. */
    private void group() {
      if (at < in.length() && in.charAt(at) == '?') {
        do {
          out.append(in.charAt(at++));
        } while (at < in.length() && "<=!>:".indexOf(in.charAt(at)) >= 0);
      }
    }

    private void meta(String translated) {
      at++;
      constant = false;
      out.append(translated);
    }

    /** What comes next repeats the last character: it may be missing altogether. */
    private void dropLast() {
      if (constant) {
        prefix.setLength(lastLiteral);
      }
    }

    private void literal(int c) {
      byte[] bytes = Character.toString(c).getBytes(StandardCharsets.UTF_8);
      String chars = new String(bytes, StandardCharsets.ISO_8859_1);
      if (constant) {
        lastLiteral = prefix.length();
        prefix.append(chars);
      }
      if (c < 0x80) {
        quoted((char) c);
      } else {
        out.append("(?:").append(chars).append(')');
      }
    }

    private void quoted(char c) {
      if (!Character.isLetterOrDigit(c)) {
        out.append('\\');
      }
      out.append(c);
    }

    private void escape() {
      if (at + 1 == in.length()) {
        throw new PatternSyntaxException("nothing after a backslash", in, at);
      }
      int c = in.codePointAt(at + 1);
      at += 1 + Character.charCount(c);
      if (c >= 0x80 || !Character.isLetterOrDigit(c)) {
        literal(c);
        return;
      }
      if (c == 'Q' || c == 'E') {
        throw new PatternSyntaxException("\\Q and \\E are not supported", in, at);
      }
      constant = false;
      out.append('\\').append((char) c);
    }

    private void characterClass() {
      constant = false;
      out.append('[');
      at++;
      if (at < in.length() && in.charAt(at) == '^') {
        out.append('^');
        at++;
      }
      for (boolean first = true; at < in.length(); first = false) {
        int c = in.codePointAt(at);
        at += Character.charCount(c);
        if (c == ']' && !first) {
          out.append(']');
          return;
        }
        int end = c == '[' && in.startsWith(":", at) ? in.indexOf(":]", at + 1) : -1;
        if (end >= 0) {
          out.append(posix(in.substring(at + 1, end)));
          at = end + 2;
        } else if (c == '\\' && at < in.length() && in.charAt(at) < 0x80) {
          out.append('\\').append(in.charAt(at++));
        } else if (c >= 0x80) {
          byte[] bytes = Character.toString(c).getBytes(StandardCharsets.UTF_8);
          out.append(new String(bytes, StandardCharsets.ISO_8859_1));
        } else if (c == '-') {
          out.append('-');
        } else {
          quoted((char) c);
        }
      }
      throw new PatternSyntaxException("a class without end", in, in.length());
    }

    private String posix(String name) {
      boolean not = name.startsWith("^");
      String set =
          switch (not ? name.substring(1) : name) {
            case "alnum" -> "Alnum";
            case "alpha" -> "Alpha";
            case "ascii" -> "ASCII";
            case "blank" -> "Blank";
            case "cntrl" -> "Cntrl";
            case "digit" -> "Digit";
            case "graph" -> "Graph";
            case "lower" -> "Lower";
            case "print" -> "Print";
            case "punct" -> "Punct";
            case "space" -> "Space";
            case "upper" -> "Upper";
            case "xdigit" -> "XDigit";
            case "word" -> "w";
            default -> throw new PatternSyntaxException("no such class: " + name, in, at);
          };
      return set.equals("w") ? not ? "\\W" : "\\w" : (not ? "\\P{" : "\\p{") + set + "}";
    }

    private void brace() {
      int end = in.indexOf('}', at);
      String counts = end < 0 ? "" : in.substring(at + 1, end);
      if (!counts.matches("[0-9]{1,6}(,[0-9]{0,6})?")) {
        at++;
        literal('{');
        return;
      }
      dropLast();
      constant = false;
      int comma = counts.indexOf(',');
      String most =
          counts.endsWith(",") || comma < 0 ? counts.replace(",", "") : counts.substring(comma + 1);
      repeats *= Math.max(1, Integer.parseInt(most));
      if (repeats > REPEAT_MAX) {
        throw new PatternSyntaxException("more than " + REPEAT_MAX + " repetitions", in, at);
      }
      out.append('{').append(counts).append('}');
      at = end + 1;
    }
  }
}
