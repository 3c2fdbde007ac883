package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The scan index in the user's cache directory, and the option that leaves it out. */
final class ScanCache {
  private boolean off;

  /** Adds the option to a command's definition. */
  Definition addTo(Definition definition) {
    return definition.flag(
        "no-index",
        "read every file again: do not keep the digests of files that did not change",
        () -> off = true);
  }

  /** {@return the index, or null if it is not wanted or the user has no cache directory} */
  @Nullable ScanIndex load(HashAlgorithm algorithm) {
    Path directory = off ? null : directory();
    return directory == null ? null : ScanIndex.load(directory, algorithm);
  }

  private static @Nullable Path directory() {
    String cache = System.getenv("XDG_CACHE_HOME");
    if (cache != null && cache.startsWith("/")) { // others are to be ignored
      return Path.of(cache, "composefs4j");
    }
    String home = System.getenv("HOME");
    return home != null && home.startsWith("/") ? Path.of(home, ".cache", "composefs4j") : null;
  }

  /** Keeps what was learnt. Not being able to costs time the next time, which is no error. */
  static void save(@Nullable ScanIndex index) {
    try {
      if (index != null) {
        index.save();
      }
    } catch (IOException e) {
      // the next scan reads all again
    }
  }
}
