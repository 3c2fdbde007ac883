package io.github.composefs4j.fuse;

import io.github.composefs4j.fuse.Mounts.State;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * A question to a mount whose server may not answer. Who waits for one cannot be interrupted, so
 * the asking thread is one of its own, and is left behind. A dead server is an answer at once, and
 * must not be taken for a silent one because this machine has much to do: only time in which the
 * kernel had the asking thread wait counts, not time in which it got no processor.
 */
final class Inquiry {
  private static final int STEP_MILLIS = 50;

  /** How often in a row the thread is seen waiting: two seconds. */
  private static final int PATIENCE = 40;

  private final CompletableFuture<State> answer = new CompletableFuture<>();
  private volatile String thread = "";

  Inquiry(Supplier<State> question) {
    Thread.ofPlatform()
        .daemon()
        .name("composefs state")
        .start(() -> {
          try {
            thread = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString();
            answer.complete(question.get());
          } catch (IOException | RuntimeException e) {
            answer.completeExceptionally(e);
          }
        });
  }

  /** {@return the answer, or {@link State#SILENT}} */
  State state() {
    int waiting = 0;
    while (waiting < PATIENCE) {
      try {
        return answer.get(STEP_MILLIS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        waiting = isWaiting() ? waiting + 1 : 0;
      } catch (ExecutionException e) {
        return State.SILENT; // without /proc, nothing is known
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return State.SILENT;
      }
    }
    return State.SILENT;
  }

  /** {@return whether the kernel has the thread wait: proc(5), the state after the name} */
  private boolean isWaiting() {
    try {
      Path stat = Path.of("/proc/self/task", thread, "stat");
      String line = Files.readString(stat, StandardCharsets.ISO_8859_1);
      return line.charAt(line.lastIndexOf(')') + 2) != 'R';
    } catch (IOException | IndexOutOfBoundsException e) {
      return false;
    }
  }
}
