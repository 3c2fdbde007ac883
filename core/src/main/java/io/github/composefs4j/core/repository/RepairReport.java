package io.github.composefs4j.core.repository;

import java.util.List;

/**
 * What a repair did.
 *
 * @param before what was found first
 * @param fetched digests of objects that came from elsewhere, in hex, sorted
 * @param relinked entries that were made again
 * @param quarantined what was put aside
 * @param failures what could not be done, one line each
 * @param after what is still wrong
 */
public record RepairReport(
    FsckReport before,
    List<String> fetched,
    List<String> relinked,
    List<Quarantined> quarantined,
    List<String> failures,
    FsckReport after) {
  /**
   * A file that was put aside.
   *
   * @param path where it was, below the repository
   * @param to where it is, below the repository
   */
  public record Quarantined(String path, String to) {}

  /** {@return one line for each thing that was done, or could not be} */
  public List<String> lines() {
    List<String> lines = new java.util.ArrayList<>();
    fetched.forEach(digest -> lines.add("fetched: " + digest));
    relinked.forEach(path -> lines.add("linked: " + path));
    quarantined.forEach(each -> lines.add("quarantined: " + each.path() + " -> " + each.to()));
    failures.forEach(failure -> lines.add("not repaired: " + failure));
    return lines;
  }
}
