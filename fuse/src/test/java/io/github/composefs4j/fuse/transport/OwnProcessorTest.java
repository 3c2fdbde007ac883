package io.github.composefs4j.fuse.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnProcessorTest {
  private final long all = Sys.affinity();
  private final boolean two = all == 3 && isAMachineOfTwo();

  private static boolean isAMachineOfTwo() {
    try {
      return Files.readString(Path.of("/sys/devices/system/cpu/online")).equals("0-1\n");
    } catch (IOException e) {
      return false;
    }
  }

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

  /** Of ten seconds of each processor, one or four are idle. */
  @Test
  void whereAllIsBusyAThreadGoesWhereItLikes(@TempDir Path directory) throws Exception {
    Path uptime = directory.resolve("uptime");
    Files.writeString(uptime, "100.00 50.00\n");
    inThread(() -> {
      try (OwnProcessor processor = new OwnProcessor(0, uptime)) {
        assertThat(Long.bitCount(Sys.affinity())).isEqualTo(two ? 1 : Long.bitCount(all));
        Files.writeString(uptime, "110.00 51.00\n");
        serve(processor);
        assertThat(Sys.affinity()).isEqualTo(all);
        Files.writeString(uptime, "120.00 55.00\n");
        serve(processor);
        assertThat(Long.bitCount(Sys.affinity())).isEqualTo(two ? 1 : Long.bitCount(all));
        Files.writeString(uptime, "what?\n");
        serve(processor);
        assertThat(Sys.affinity()).isEqualTo(all);
      }
    });
  }

  /** Serves long enough for a look at the times. */
  private static void serve(OwnProcessor processor) throws InterruptedException {
    Thread.sleep(250);
    for (int i = 0; i < 100; i++) {
      processor.served();
    }
  }
}
