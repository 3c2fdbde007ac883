package io.github.composefs4j.core.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.FaultyPlatform;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Objects are written to disk as they come; what goes wrong then is told by the sync that counts.
 */
class WritebackTest {
  private static final int SIZE = 8 << 20;

  @TempDir Path directory;
  private final AtomicInteger syncs = new AtomicInteger();
  private final CountDownLatch synced = new CountDownLatch(1);
  private boolean full;

  private LocalObjectStore store() throws IOException {
    Platform platform =
        new FaultyPlatform(Platform.portable()) {
          @Override
          protected void changing(String operation, byte[] path) throws IOException {
            if (operation.equals("syncfs")) {
              synced.countDown();
              if (syncs.incrementAndGet() == 1 && full) {
                throw new IOException("No space left on device");
              }
            }
          }
        };
    return LocalObjectStore.open(platform, directory.resolve("objects"), HashAlgorithm.SHA256);
  }

  private static void fill(LocalObjectStore store) throws IOException {
    ObjectWorker worker = new ObjectWorker(HashAlgorithm.SHA256);
    byte[] content = new byte[SIZE];
    for (int i = 0; i < 9; i++) {
      content[0] = (byte) i;
      store.put(content, worker);
    }
  }

  @Test
  void syncsWhileMoreIsStored() throws Exception {
    try (LocalObjectStore store = store()) {
      store.writeBack();
      fill(store);
      assertThat(synced.await(1, TimeUnit.MINUTES)).isTrue();
      store.sync();
    }
    assertThat(syncs).hasValue(2);
  }

  @Test
  void syncsNothingUnlessAsked() throws Exception {
    try (LocalObjectStore store = store()) {
      fill(store);
    }
    assertThat(syncs).hasValue(0);
  }

  @Test
  void anErrorIsToldThoughTheSystemTellsItOnce() throws Exception {
    full = true;
    try (LocalObjectStore store = store()) {
      store.writeBack();
      fill(store);
      assertThat(synced.await(1, TimeUnit.MINUTES)).isTrue();
      assertThatThrownBy(store::sync)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("No space left on device");
      assertThat(syncs).hasValue(2);
    }
  }
}
