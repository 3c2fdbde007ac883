package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.verified.VerifyOptions;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link UnionObjectStore} treats its stores.
 *
 * @param timeout how long a store may take for one call
 * @param retry the longest time until a store that was given up is asked again; the first trials
 *     come sooner
 * @param promotion receives a copy of every object that comes from elsewhere, verified before it
 *     gets its name, or null. One of the union's stores, best the first; opened so that it checks
 *     content, it loses its damaged objects too. Copies are not synced
 * @param verify how bytes are checked; memory is divided among the stores
 * @param nanoTime the clock of {@code retry}, as {@link System#nanoTime}
 */
public record UnionOptions(
    Duration timeout,
    Duration retry,
    @Nullable LocalObjectStore promotion,
    VerifyOptions verify,
    LongSupplier nanoTime) {
  /** {@return 2 seconds, 30 seconds, no promotion} */
  public static UnionOptions defaults() {
    return new UnionOptions(
        Duration.ofSeconds(2),
        Duration.ofSeconds(30),
        null,
        VerifyOptions.defaults(),
        System::nanoTime);
  }

  /** {@return these options with other times} */
  public UnionOptions withTimes(Duration call, Duration untilRetry) {
    return new UnionOptions(call, untilRetry, promotion, verify, nanoTime);
  }

  /** {@return these options with copies into this store, or without if null} */
  public UnionOptions withPromotion(@Nullable LocalObjectStore into) {
    return new UnionOptions(timeout, retry, into, verify, nanoTime);
  }

  /** {@return these options with other ways to verify} */
  public UnionOptions withVerify(VerifyOptions options) {
    return new UnionOptions(timeout, retry, promotion, options, nanoTime);
  }

  /** {@return these options with another clock} */
  public UnionOptions withClock(LongSupplier clock) {
    return new UnionOptions(timeout, retry, promotion, verify, clock);
  }
}
