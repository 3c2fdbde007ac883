package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** How users and collectors of a repository keep out of each other's way. */
public abstract class RepositoryLockContract extends RepositoryFixture {
  @Test
  void handlesOfOneProcessShareOneLock() throws Exception {
    try (Repository first = create();
        Repository second = open()) {
      putImage(first, 1, null);
      Repository.Hold hold = first.hold();
      assertThatThrownBy(() -> second.collect(NO_MOUNTS.withWaiting(Waiting.NONE)))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.BUSY));
      assertThatThrownBy(
              () -> second.collect(NO_MOUNTS.withWaiting(Waiting.atMost(Duration.ofMillis(50)))))
          .hasMessageContaining("locked");
      assertThatThrownBy(() -> first.collect(NO_MOUNTS)).hasMessageContaining("this very handle");
      AtomicReference<GcResult> result = new AtomicReference<>();
      Thread collector =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  result.set(second.collect(NO_MOUNTS));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      Thread.sleep(200);
      assertThat(collector.isAlive()).isTrue();
      // Who holds the lock goes on, also through the gate that is shut for others.
      assertThat(first.refs(Category.IMAGES)).isEmpty();
      putImage(first, 2, "x");
      hold.close();
      collector.join();
      assertThat(result.get().objects()).isEqualTo(10);
      assertThat(first.check(FsckOptions.defaults()).findings()).isEmpty();
    }
  }

  /** Users that overlap without end do not keep a collector waiting. */
  @Test
  void aCollectorIsNotStarved() throws Exception {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
      AtomicBoolean over = new AtomicBoolean();
      List<Thread> users = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        users.add(
            Thread.ofPlatform()
                .start(() -> {
                  try (Repository own = open()) {
                    while (!over.get()) {
                      try (Transaction transaction = own.begin()) {
                        Thread.sleep(20);
                        transaction.commit();
                      }
                    }
                  } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                }));
      }
      for (int i = 0; i < 5; i++) {
        repository.collect(NO_MOUNTS.withWaiting(Waiting.atMost(Duration.ofSeconds(15))));
      }
      over.set(true);
      for (Thread user : users) {
        user.join();
      }
    }
  }

  /** The gate is a lock on a directory that the user it waits for may only now be making. */
  @Test
  void aCollectorShutsTheGateOnceThereIsOne() throws Exception {
    try (Repository user = create();
        Repository repository = open()) {
      Repository.Hold hold = user.hold();
      Thread collector =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  repository.collect(NO_MOUNTS);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      Thread.sleep(300); // it waits by now
      Files.createDirectory(path().resolve("objects"));
      try (StoreDirectory root = platform().openExistingStore(path());
          StoreDirectory.Lock other = root.lock(FileName.encode("objects"))) {
        boolean open = true;
        for (int i = 0; i < 500 && open; i++) {
          Thread.sleep(10);
          open = other.tryLock(false);
          other.unlock();
        }
        assertThat(open).isFalse();
      }
      hold.close();
      collector.join(10_000);
      assertThat(collector.isAlive()).isFalse();
    }
  }
}
