package io.github.composefs4j.fuse.attach;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.fuse.transport.ChannelWorker;
import io.github.composefs4j.fuse.transport.FuseChannel;
import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.fuse.transport.UringWorker;
import io.github.composefs4j.linux.MountException;
import io.github.composefs4j.linux.sys.Fd;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that serve one mount. They end when the kernel says that it is unmounted; a
 * descriptor or file that a thread of this process holds in the mount delays that. Thread-safe.
 */
public final class FuseServer {
  private static final Duration TERMS = Duration.ofSeconds(30);
  private static final int THREADS_MIN = 2;
  private static final int THREADS_MAX = 4;

  /**
   * Bytes that the kernel asks for ahead of a reader: with the usual 128 KiB, one thread has
   * nothing to verify while the other does. Programs start as fast; a random fault in a large
   * mapping costs as many bytes.
   */
  private static final int READ_AHEAD = 1 << 19;

  private final FuseSession session;
  private final String name;
  private final Runnable atEnd;
  private final int threads;
  private final AtomicInteger running = new AtomicInteger();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final CompletableFuture<FuseConnection> connection = new CompletableFuture<>();

  /**
   * A server that is not started.
   *
   * @param name of its threads
   * @param atEnd run once when the last thread has ended
   */
  public FuseServer(FuseSession session, String name, Runnable atEnd) {
    this.session = session;
    this.name = name;
    this.atEnd = atEnd;
    // Requests are short: more threads than processors gain nothing.
    this.threads = Math.clamp(Runtime.getRuntime().availableProcessors(), THREADS_MIN, THREADS_MAX);
  }

  /**
   * Mounts, and serves. The terms are agreed before the mount can be seen anywhere: one that cannot
   * work fails here.
   *
   * @param device not mounted yet; closed with the mount, or if this fails
   * @return the mount, attached nowhere, the terms agreed: the caller attaches and closes it
   */
  public Fd mountDetached(FuseDevice device, byte[] source, boolean allowOther, int attributes)
      throws IOException {
    Fd mount;
    try {
      mount = FuseAttachment.detached(device, source, allowOther, attributes);
    } catch (IOException e) {
      device.close();
      throw e;
    }
    try {
      start(device);
      FuseConnection made = FuseConnection.of(mount);
      if (session.servesContent()) {
        made.readAhead(READ_AHEAD);
      }
      connection.complete(made);
      return mount;
    } catch (IOException e) {
      connection.completeExceptionally(e);
      mount.close();
      throw e;
    }
  }

  /** Mounts on a directory through {@code fusermount3}, and serves. */
  public void mountByHelper(byte[] target, byte[] source, boolean allowOther, List<String> more)
      throws IOException {
    FuseDevice device = Fusermount.mount(target, source, allowOther, more);
    try {
      start(device);
      connection.complete(FuseConnection.at(FileName.decode(target)));
    } catch (IOException e) {
      connection.completeExceptionally(e);
      Fusermount.unmount(target);
      throw e;
    }
  }

  /** Starts the threads and waits until the kernel has the terms, so that the mount answers. */
  private void start(FuseDevice device) throws IOException {
    List<FuseChannel> channels = new ArrayList<>();
    channels.add(device);
    for (int i = 1; i < threads; i++) {
      channels.add(device.another());
    }
    running.incrementAndGet(); // until all have started
    try {
      List<UringWorker> rings = rings(device);
      for (int i = 0; i < channels.size(); i++) {
        thread(new ChannelWorker(channels.get(i), session.handler(), i));
      }
      boolean ready = session.awaitReady(TERMS);
      rings.forEach(ring -> ring.begin(session.usesUring()));
      if (!ready) {
        throw new MountException(
            session.protocolMinor() < 0
                ? "the kernel's FUSE protocol is older than 7.23"
                : "the kernel did not start the FUSE protocol");
      }
      if (session.usesUring() && !rings.stream().allMatch(UringWorker::awaitRegistered)) {
        throw new MountException("the kernel refuses FUSE over io_uring, which it had offered");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MountException("interrupted");
    } finally {
      end();
    }
  }

  /**
   * Makes the rings, if the kernel may offer to use them: once it has, no request goes any other
   * way, so that they must be there before. Without them, the device does for everything.
   */
  private List<UringWorker> rings(FuseDevice device) throws IOException {
    if (!session.mayUseUring() || !UringWorker.isEnabled()) {
      return List.of();
    }
    List<UringWorker> rings =
        UringWorker.all(device, Runtime.getRuntime().availableProcessors(), session::handler);
    rings.forEach(ring -> thread(() -> runRing(ring)));
    for (UringWorker ring : rings) {
      if (!ring.awaitPrepared()) {
        rings.forEach(each -> each.begin(false));
        return List.of();
      }
    }
    session.offerUring();
    return rings;
  }

  /**
   * Nobody can take over the queues of a ring that failed, and who waits there would for ever. So
   * all of the mount ends: each use of it is an error from then on.
   */
  private void runRing(UringWorker ring) {
    if (ring.serve()) {
      return;
    }
    try {
      connection.join().abort();
    } catch (IOException | CompletionException e) {
      FuseSession.logger()
          .log(System.Logger.Level.ERROR, "a mount that is not served cannot be ended", e);
    }
  }

  private void thread(Runnable worker) {
    running.incrementAndGet();
    Thread.ofPlatform()
        .daemon()
        .name(name)
        .start(() -> {
          try {
            worker.run();
          } finally {
            end();
          }
        });
  }

  private void end() {
    if (running.decrementAndGet() == 0) {
      session.close();
      atEnd.run();
      ended.countDown();
    }
  }

  /** Waits until the mount is gone and all threads have ended. */
  public void await() throws InterruptedException {
    ended.await();
  }

  /** {@return whether the mount was gone in time} */
  public boolean await(Duration time) throws InterruptedException {
    return ended.await(time.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** {@return whether the kernel can read objects itself; once it is mounted} */
  public boolean offersPassthrough() {
    return session.offersPassthrough();
  }

  /** {@return whether the mount is still served} */
  public boolean isRunning() {
    return ended.getCount() > 0;
  }
}
