package io.github.composefs4j.core.repository;

import java.time.Duration;

/**
 * How long to wait for others who use a repository.
 *
 * @param millis at most; {@link Long#MAX_VALUE} is without end
 */
public record Waiting(long millis) {
  /** Until they are done. */
  public static final Waiting FOREVER = new Waiting(Long.MAX_VALUE);

  /** Not at all. */
  public static final Waiting NONE = new Waiting(0);

  /** {@return waiting for at most this long} */
  public static Waiting atMost(Duration limit) {
    return new Waiting(Math.max(0, limit.toMillis()));
  }

  boolean isNone() {
    return millis == 0;
  }

  boolean isOver(long elapsedMillis) {
    return elapsedMillis >= millis;
  }
}
