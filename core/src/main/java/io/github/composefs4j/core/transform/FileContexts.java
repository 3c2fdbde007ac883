package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.ComposefsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Rules from path patterns to labels, of which the last that matches wins.
 *
 * <p>A policy has thousands of rules and a tree 100,000 paths: a path is compared only with the
 * rules whose constant beginning it has.
 */
final class FileContexts {
  private static final String NO_LABEL = "<<none>>";

  /** Steps of matching that a tree may cost from the start, and those that each path adds. */
  private static final long STEPS_FREE = 50_000_000;

  private static final long STEPS_PER_PATH = 100_000;

  private final List<PathPattern> patterns = new ArrayList<>();
  private final List<String> labels = new ArrayList<>();

  /** Rule numbers, ascending, by what paths that match them begin with. */
  private final Map<String, List<Integer>> byPrefix = new HashMap<>();

  private final TreeSet<Integer> prefixLengths = new TreeSet<>();
  private final PathPattern.Steps steps = new PathPattern.Steps(STEPS_FREE);

  /**
   * Adds a rule.
   *
   * @param type the only file type that it is for, or null
   */
  void add(String regex, @Nullable Character type, String label) throws ComposefsException {
    PathPattern pattern = PathPattern.compile(regex, type);
    byPrefix.computeIfAbsent(pattern.prefix(), _ -> new ArrayList<>(1)).add(patterns.size());
    prefixLengths.add(pattern.prefix().length());
    patterns.add(pattern);
    labels.add(label);
  }

  /**
   * {@return the label of a path, or null}
   *
   * @param subject the path, a char for each byte, and the character of its type
   * @throws ComposefsException if a pattern costs too much
   */
  @Nullable String label(String subject) throws ComposefsException {
    steps.grant(STEPS_PER_PATH);
    int[] candidates = new int[16];
    int count = 0;
    for (int length : prefixLengths) {
      if (length > subject.length()) {
        break;
      }
      for (int rule : byPrefix.getOrDefault(subject.substring(0, length), List.of())) {
        if (count == candidates.length) {
          candidates = Arrays.copyOf(candidates, 2 * count);
        }
        candidates[count++] = rule;
      }
    }
    Arrays.sort(candidates, 0, count);
    while (--count >= 0) {
      int rule = candidates[count];
      if (patterns.get(rule).matches(subject, steps)) {
        String label = labels.get(rule);
        return label.equals(NO_LABEL) ? null : label;
      }
    }
    return null;
  }
}
