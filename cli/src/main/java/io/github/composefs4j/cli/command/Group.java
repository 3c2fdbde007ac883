package io.github.composefs4j.cli.command;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Commands under one name. Only the command that is asked for is made.
 *
 * @param summary one sentence without a full stop
 * @param common the options that may also stand before the command's name, or null
 */
public record Group(
    String name, String summary, @Nullable Supplier<Definition> common, List<Entry> entries)
    implements Entry {
  /** {@return this group with the name it is reached by} */
  public Group under(String above) {
    return new Group(above + " " + name, summary, common, entries);
  }

  /** {@return the entry of this name, or null} */
  public @Nullable Entry find(String word) {
    for (Entry entry : entries) {
      if (entry.name().equals(word)) {
        return entry;
      }
    }
    return null;
  }

  /** {@return the name that is most like a mistyped one, or null if none is} */
  public @Nullable String nearest(String word) {
    String nearest = null;
    int least = Math.min(3, word.length());
    for (Entry entry : entries) {
      int distance = distance(word, entry.name());
      if (distance < least) {
        least = distance;
        nearest = entry.name();
      }
    }
    return nearest;
  }

  /** Levenshtein's distance, row by row. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
