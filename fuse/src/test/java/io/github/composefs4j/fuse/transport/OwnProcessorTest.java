package io.github.composefs4j.fuse.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.sys.Sys;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class OwnProcessorTest {
  private final long all = Sys.affinity();
  private final boolean two = Long.bitCount(all) == 2;

  @AfterEach
  void free() {
    if (all != 0) {
      Sys.setAffinity(all);
    }
  }

  private interface Body {
    void run() throws Exception;
  }

  /** Only new threads are held: this one is the next test's, too. */
  private static void inThread(Body body) throws Exception {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        new Thread(() -> {
          try {
            body.run();
          } catch (Throwable e) {
            failure.set(e);
          }
        });
    thread.start();
    thread.join();
    if (failure.get() != null) {
      throw new AssertionError(failure.get());
    }
  }

  @Test
  void twoThreadsHaveTwoProcessors() throws Exception {
    for (int number = 0; number < 3; number++) {
      int which = number;
      inThread(() -> {
        try (OwnProcessor processor = new OwnProcessor(which)) {
          processor.served();
          long expected =
              !two || which == 2
                  ? all
                  : which == 0 ? Long.lowestOneBit(all) : Long.highestOneBit(all);
          assertThat(Sys.affinity()).isEqualTo(expected);
        }
      });
    }
  }

  @Test
  void whereAllIsBusyAThreadGoesWhereItLikes() throws Exception {
    inThread(() -> {
      AtomicBoolean busy = new AtomicBoolean(true);
      try (OwnProcessor processor = new OwnProcessor(0)) {
        for (int i = 0; i < 2; i++) {
          Thread spinning = new Thread(() -> spin(busy));
          spinning.setDaemon(true);
          spinning.start();
        }
        serve(processor, () -> Sys.affinity() == all, Duration.ofMillis(0));
        busy.set(false);
        if (two) {
          serve(processor, () -> Long.bitCount(Sys.affinity()) == 1, Duration.ofMillis(10));
        }
      } finally {
        busy.set(false);
      }
    });
  }

  private void spin(AtomicBoolean busy) {
    if (all != 0) {
      Sys.setAffinity(all);
    }
    while (busy.get()) {
      Thread.onSpinWait();
    }
  }

  /** Serves requests, so far from each other, until something has come about. */
  private static void serve(OwnProcessor processor, BooleanSupplier until, Duration apart)
      throws InterruptedException {
    while (!until.getAsBoolean()) {
      for (int i = 0; i < 100; i++) {
        processor.served();
      }
      Thread.sleep(apart);
    }
  }
}
