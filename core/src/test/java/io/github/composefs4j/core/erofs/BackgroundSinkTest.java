package io.github.composefs4j.core.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Windows of an image arrive in order, from another thread if there are several. */
@Timeout(60)
class BackgroundSinkTest {
  private final ByteArrayOutputStream arrived = new ByteArrayOutputStream();

  private static byte[] window(int number) {
    byte[] bytes = new byte[1000 + number];
    new Random(number).nextBytes(bytes);
    return bytes;
  }

  private byte[] passed(int windows) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    BackgroundSink sink = new BackgroundSink((bytes, length) -> arrived.write(bytes, 0, length));
    for (int i = 0; i < windows; i++) {
      all.write(window(i), 0, 900 + i);
      sink.accept(window(i), 900 + i);
    }
    sink.finish();
    sink.abandon();
    return all.toByteArray();
  }

  @Test
  void allArrivesInOrder() throws IOException {
    for (int windows : new int[] {0, 1, 2, 3, 100}) {
      arrived.reset();
      assertThat(passed(windows)).isEqualTo(arrived.toByteArray());
    }
  }

  @Test
  void oneWindowIsPassedOnByTheCaller() throws IOException {
    AtomicInteger others = new AtomicInteger();
    Thread caller = Thread.currentThread();
    for (int windows = 1; windows <= 2; windows++) {
      BackgroundSink sink =
          new BackgroundSink((_, _) -> {
            if (Thread.currentThread() != caller) {
              others.incrementAndGet();
            }
          });
      for (int i = 0; i < windows; i++) {
        sink.accept(window(i), 10);
      }
      sink.finish();
      assertThat(others).hasValue(windows == 1 ? 0 : 2);
    }
  }

  @Test
  void anInterruptedWriterStillWritesAll() throws IOException {
    Thread.currentThread().interrupt();
    byte[] expected;
    try {
      expected = passed(50);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(arrived.toByteArray()).isEqualTo(expected);
  }

  @Test
  void aFailureReachesTheWriterAndEndsIt() {
    AtomicInteger calls = new AtomicInteger();
    BackgroundSink sink =
        new BackgroundSink((_, _) -> {
          if (calls.incrementAndGet() == 3) {
            throw new IOException("No space left on device");
          }
        });
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 100; i++) {
                sink.accept(window(i), 10);
              }
              sink.finish();
            })
        .isInstanceOf(IOException.class)
        .hasMessage("No space left on device");
    sink.abandon();
    assertThat(calls).hasValue(3);
  }

  @Test
  void nothingArrivesAfterGivingUp() throws IOException {
    for (int i = 0; i < 50; i++) {
      arrived.reset();
      BackgroundSink sink = new BackgroundSink((bytes, length) -> arrived.write(bytes, 0, length));
      for (int k = 0; k < 4; k++) {
        sink.accept(window(k), 10);
      }
      sink.abandon();
      int size = arrived.size();
      Thread.yield();
      assertThat(arrived.size()).isEqualTo(size);
    }
  }
}
