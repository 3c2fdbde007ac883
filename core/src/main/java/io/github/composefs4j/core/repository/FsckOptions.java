package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.scan.ScanProgress;
import org.jspecify.annotations.Nullable;

/**
 * What is checked.
 *
 * @param metadataOnly whether the content of objects is left out, but of images and streams
 * @param image the only image to check with its objects, by name; null for everything
 * @param threads how many work at once, at least 1
 * @param progress hears of objects and bytes that are checked
 */
public record FsckOptions(
    boolean metadataOnly, @Nullable String image, int threads, ScanProgress progress) {
  /** {@return everything, a thread for each processor} */
  public static FsckOptions defaults() {
    return new FsckOptions(
        false, null, Runtime.getRuntime().availableProcessors(), ScanProgress.NONE);
  }

  /** {@return these options, without the content of objects or with it} */
  public FsckOptions withMetadataOnly(boolean only) {
    return new FsckOptions(only, image, threads, progress);
  }

  /** {@return these options for one image} */
  public FsckOptions withImage(@Nullable String name) {
    return new FsckOptions(metadataOnly, name, threads, progress);
  }

  /** {@return these options, telling how far the check is} */
  public FsckOptions withProgress(ScanProgress other) {
    return new FsckOptions(metadataOnly, image, threads, other);
  }
}
