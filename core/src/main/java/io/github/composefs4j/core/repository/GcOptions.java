package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.scan.ScanProgress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How a repository is collected.
 *
 * @param dryRun whether only to count what would be removed; takes the shared lock only
 * @param extraRoots names of entries of either category that count as if refs led to them; those
 *     that do not exist are ignored
 * @param waiting how long to wait for others who use the repository
 * @param grace objects that got their name within this time are kept
 * @param threads how many work at once, at least 1
 * @param processes where the kernel shows all processes and what is mounted for each: {@code
 *     /proc}, or that of the host in a container
 * @param progress hears of objects that were looked at and bytes that were removed
 */
public record GcOptions(
    boolean dryRun,
    List<String> extraRoots,
    Waiting waiting,
    Duration grace,
    int threads,
    Path processes,
    ScanProgress progress) {
  /** {@return removing, waiting as long as it takes, a thread for each processor} */
  public static GcOptions defaults() {
    return new GcOptions(
        false,
        List.of(),
        Waiting.FOREVER,
        Duration.ZERO,
        Runtime.getRuntime().availableProcessors(),
        Path.of("/proc"),
        ScanProgress.NONE);
  }

  /** {@return these options, removing or not} */
  public GcOptions withDryRun(boolean dry) {
    return new GcOptions(dry, extraRoots, waiting, grace, threads, processes, progress);
  }

  /** {@return these options with other extra roots} */
  public GcOptions withExtraRoots(List<String> roots) {
    return new GcOptions(dryRun, List.copyOf(roots), waiting, grace, threads, processes, progress);
  }

  /** {@return these options with another patience} */
  public GcOptions withWaiting(Waiting other) {
    return new GcOptions(dryRun, extraRoots, other, grace, threads, processes, progress);
  }

  /** {@return these options with another grace period} */
  public GcOptions withGrace(Duration other) {
    return new GcOptions(dryRun, extraRoots, waiting, other, threads, processes, progress);
  }

  /** {@return these options, looking for mounts elsewhere} */
  public GcOptions withProcesses(Path other) {
    return new GcOptions(dryRun, extraRoots, waiting, grace, threads, other, progress);
  }

  /** {@return these options, telling how far the collection is} */
  public GcOptions withProgress(ScanProgress other) {
    return new GcOptions(dryRun, extraRoots, waiting, grace, threads, processes, other);
  }
}
