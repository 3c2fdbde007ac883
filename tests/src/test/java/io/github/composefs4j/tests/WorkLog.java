package io.github.composefs4j.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a worker told: before it does something {@code begin set REF ENTRY}, {@code begin move FROM
 * TO ENTRY}, {@code begin remove REF}, {@code begin damage OBJECT}, {@code begin repair} or {@code
 * begin collect}, and {@code done} when that has returned.
 *
 * @param lines all that were told by some moment
 */
record WorkLog(List<String> lines) {
  /** A name that is not there. */
  static final String ABSENT = "absent";

  static WorkLog read(Path file) throws IOException {
    String text = Files.readString(file);
    return new WorkLog(text.substring(0, text.lastIndexOf('\n') + 1).lines().toList());
  }

  boolean isReady() {
    return lines.contains("ready");
  }

  long acknowledged() {
    return lines.stream().filter("done"::equals).count();
  }

  /** {@return how often it began to do something} */
  long begun(String what) {
    return lines.stream().filter(line -> line.startsWith("begin " + what)).count();
  }

  /**
   * What must be at an instant: what was acknowledged before it, or what was begun since.
   *
   * @param allowed the entries that a ref, with its category, may lead to; one that is not here is
   *     not allowed
   * @param damaged objects that the worker may have damaged and not yet repaired
   */
  record Expected(Map<String, Set<String>> allowed, Set<String> damaged) {
    static Expected all(Collection<Expected> parts) {
      Expected all = new Expected(new TreeMap<>(), new TreeSet<>());
      for (Expected part : parts) {
        all.allowed.putAll(part.allowed);
        all.damaged.addAll(part.damaged);
      }
      return all;
    }
  }

  /**
   * {@return what must be at an instant between this log and a later one}
   *
   * @param after the log when the instant was over
   */
  Expected expected(WorkLog after) {
    Expected expected = new Expected(new TreeMap<>(), new TreeSet<>());
    int acknowledged = lines.lastIndexOf("done");
    for (int i = 0; i < after.lines.size(); i++) {
      String[] words = after.lines.get(i).split(" ", -1);
      if (words[0].equals("begin")) {
        expect(words, i < acknowledged, expected);
      }
    }
    return expected;
  }

  private static void expect(String[] words, boolean done, Expected expected) {
    switch (words[1]) {
      case "set" -> lead(expected, words[2], words[3], done);
      case "move" -> {
        lead(expected, words[3], words[4], done);
        lead(expected, words[2], ABSENT, done);
      }
      case "remove" -> lead(expected, words[2], ABSENT, done);
      case "damage" -> expected.damaged.add(words[2]);
      case "repair" -> {
        if (done) {
          expected.damaged.clear();
        }
      }
      default -> {} // a collection changes nothing that is named
    }
  }

  private static void lead(Expected expected, String ref, String entry, boolean done) {
    Set<String> allowed = expected.allowed.computeIfAbsent(ref, _ -> new TreeSet<>(Set.of(ABSENT)));
    if (done) {
      allowed.clear();
    }
    allowed.add(entry);
  }
}
