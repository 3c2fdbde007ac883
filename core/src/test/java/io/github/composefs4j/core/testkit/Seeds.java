package io.github.composefs4j.core.testkit;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Random tests that can be repeated: a failure names the seed, and {@code -Dtest.seed=…} runs that
 * one alone.
 */
public final class Seeds {
  private Seeds() {}

  /** What is done with one seed. */
  @FunctionalInterface
  public interface Body {
    /** Fails by throwing anything. */
    void run(RandomGenerator random) throws Exception;
  }

  /** Runs {@code body} with the seeds 0 to {@code count - 1}, each its own sequence of numbers. */
  public static void forEach(int count, Body body) {
    Long only = Long.getLong("test.seed");
    if (only != null) {
      run(only, body);
      return;
    }
    for (long seed = 0; seed < count; seed++) {
      run(seed, body);
    }
  }

  private static void run(long seed, Body body) {
    try {
      body.run(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
    } catch (Exception | AssertionError e) {
      throw new AssertionError("-Dtest.seed=" + seed + ": " + e.getMessage(), e);
    }
  }
}
