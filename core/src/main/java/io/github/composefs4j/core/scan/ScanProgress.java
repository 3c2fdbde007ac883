package io.github.composefs4j.core.scan;

/** Hears how far a scan is; called by any thread. */
@FunctionalInterface
public interface ScanProgress {
  /** Hears nothing. */
  ScanProgress NONE = (_, _) -> {};

  /**
   * Some more is done.
   *
   * @param entries names seen so far
   * @param bytes content read so far
   */
  void update(long entries, long bytes);
}
