package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Failures;
import io.github.composefs4j.cli.command.Interruption;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The mounts that this process serves. Others ask it, through a socket, for more of them, if it is
 * open to that, and for statistics. It is over when the last mount is gone. Thread-safe.
 */
final class MountServer implements AutoCloseable {
  /** Answer: mounted; then mount point, mode, verification. */
  static final String MOUNTED = "mounted";

  /** Answer: it was tried and failed; then why. */
  static final String FAILED = "failed";

  /** Answer: this server takes no more mounts. */
  static final String CLOSED = "closed";

  static final String STATISTICS = "statistics";

  /** What is hashed this long is not mounted yet. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final boolean joinable;
  private final Set<MountedView> views = new LinkedHashSet<>();
  private int pending;
  private boolean ended;
  private @Nullable ServerSocketChannel listener;
  private @Nullable Path socket;

  /**
   * A server that serves nothing yet.
   *
   * @param joinable whether others may have it serve their mounts, too
   */
  MountServer(boolean joinable) {
    this.joinable = joinable;
    // A mount without server would fail every use.
    Interruption.atEnd(this::close);
  }

  /** {@return the answer to a request to mount} */
  List<String> mount(MountRequest request) {
    synchronized (this) {
      if (ended) {
        return List.of(CLOSED);
      }
      pending++;
    }
    try {
      MountedView view = Mounts.mount(request.options(), request.target());
      if (!add(view)) {
        Servers.closeQuietly(view);
        return List.of(CLOSED);
      }
      return List.of(MOUNTED, view.point(), view.mode().label(), view.verification().label());
    } catch (IOException | IllegalArgumentException e) {
      return List.of(FAILED, Failures.line(e));
    } finally {
      synchronized (this) {
        pending--;
        endIfIdle();
        notifyAll();
      }
    }
  }

  private synchronized boolean add(MountedView view) {
    if (ended) {
      return false;
    }
    views.add(view);
    Thread.ofVirtual()
        .start(() -> {
          try {
            view.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          remove(view);
        });
    return true;
  }

  private synchronized void remove(MountedView view) {
    views.remove(view);
    endIfIdle();
  }

  private synchronized void endIfIdle() {
    if (views.isEmpty() && pending == 0) {
      ended = true;
      forgetSocket();
      notifyAll();
    }
  }

  private synchronized void forgetSocket() {
    Servers.closeQuietly(listener);
    try {
      if (socket != null) {
        Files.deleteIfExists(socket);
      }
    } catch (IOException e) {
      // who finds it sees that nobody listens
    }
  }

  /** Waits until the last mount is gone. */
  synchronized void await() {
    try {
      while (!ended) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Listens, if there is a place for a socket; without one the server is alone. */
  synchronized void listen() {
    Path path = Servers.ownSocket();
    if (path == null || ended) {
      return;
    }
    try {
      Files.deleteIfExists(path); // of a dead process with this number
      ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      channel.bind(UnixDomainSocketAddress.of(path));
      listener = channel;
      socket = path;
      Thread.ofPlatform().daemon().name("composefs requests").start(() -> accept(channel));
    } catch (IOException e) {
      // as without a place
    }
  }

  private synchronized void awaitPending() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    try {
      for (long left; pending > 0 && (left = end - System.nanoTime()) > 0; ) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void accept(ServerSocketChannel channel) {
    try {
      while (true) {
        SocketChannel client = channel.accept();
        Thread.ofPlatform().daemon().start(() -> answer(client));
      }
    } catch (IOException e) {
      // closed: the server is over
    }
  }

  private void answer(SocketChannel client) {
    try (client) {
      List<String> request = Servers.receive(Channels.newInputStream(client));
      Servers.send(Channels.newOutputStream(client), answer(request));
    } catch (IOException e) {
      // it has gone away
    }
  }

  private List<String> answer(List<String> request) throws IOException {
    return switch (request.isEmpty() ? "" : request.getFirst()) {
      case MountRequest.WORD -> joinable ? mount(MountRequest.decode(request)) : List.of(CLOSED);
      case STATISTICS -> statistics();
      default -> List.of(FAILED, "an unknown request");
    };
  }

  private synchronized List<String> statistics() {
    List<String> answer = new ArrayList<>();
    for (MountedView view : views) {
      answer.addAll(ServedMount.of(view).encode());
    }
    return answer;
  }

  /** Unmounts all, also what is just being mounted, unless that takes long. */
  @Override
  public void close() {
    List<MountedView> all;
    synchronized (this) {
      ended = true;
      forgetSocket();
      awaitPending();
      all = List.copyOf(views).reversed();
    }
    for (MountedView view : all) {
      Servers.closeQuietly(view);
    }
  }
}
