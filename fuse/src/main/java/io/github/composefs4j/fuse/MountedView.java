package io.github.composefs4j.fuse;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.fuse.attach.FuseServer;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.linux.MountTable;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A mounted image. Thread-safe. Closing unmounts it; a mount in mode {@link MountMode#KERNEL} also
 * lives without this object and this process, the others as long as the process.
 */
public final class MountedView implements Closeable {
  private static final Duration END = Duration.ofSeconds(5);

  private final MountTable.Entry entry;
  private final MountMode mode;
  private final Verification verification;
  private final List<String> notes;
  private final @Nullable FuseServer server;
  private final @Nullable FuseSession session;

  MountedView(
      MountTable.Entry entry,
      MountMode mode,
      Verification verification,
      List<String> notes,
      @Nullable FuseServer server,
      @Nullable FuseSession session) {
    this.entry = entry;
    this.mode = mode;
    this.verification = verification;
    this.notes = List.copyOf(notes);
    this.server = server;
    this.session = session;
  }

  /**
   * What was done.
   *
   * @param requests of the kernel, answered so far
   * @param bytes of file content handed out
   * @param failures requests that failed since image or object could not be read or verified
   * @param openObjects open now
   */
  public record Statistics(long requests, long bytes, long failures, int openObjects) {}

  /** {@return where it was mounted, absolute, links resolved; bytes as {@code FileName.decode}} */
  public String point() {
    return entry.point();
  }

  /** {@return the number that the kernel gave the mount} */
  public int id() {
    return entry.id();
  }

  /** {@return who serves it} */
  public MountMode mode() {
    return mode;
  }

  /** {@return who verifies content} */
  public Verification verification() {
    return verification;
  }

  /** {@return why preferred modes were not taken, one line each} */
  public List<String> notes() {
    return notes;
  }

  /** {@return what was served so far; zeros where the kernel serves} */
  public Statistics statistics() {
    return session == null
        ? new Statistics(0, 0, 0, 0)
        : new Statistics(
            session.requests(), session.bytesRead(), session.failures(), session.openObjects());
  }

  /** {@return the requests of one operation so far, by the numbers of {@code enum fuse_opcode}} */
  public long requests(int operation) {
    return session == null ? 0 : session.requests(operation);
  }

  /** {@return whether the kernel sends requests over io_uring} */
  public boolean usesUring() {
    return session != null && session.usesUring();
  }

  /** {@return whether this process serves the mount and it is still there} */
  public boolean isServed() {
    return server != null && server.isRunning();
  }

  /** Waits until the mount is gone; returns at once where the kernel serves. */
  public void await() throws InterruptedException {
    if (server != null) {
      server.await();
    }
  }

  /**
   * Unmounts: nobody finds it any more, and who has something open keeps it, served, until it is
   * closed. Waits a little for that. Does nothing if the mount is gone already.
   *
   * @throws IOException if it cannot be unmounted, because another mount is on top of it, say
   */
  @Override
  public void close() throws IOException {
    MountTable table = MountTable.read();
    MountTable.Entry now = table.byId(entry.id());
    if (now != null && now.device().equals(entry.device())) {
      MountTable.Entry seen = table.at(now.point());
      if (seen == null || seen.id() != now.id()) {
        throw new ComposefsException(now.point() + ": another mount is on top of it");
      }
      Mounts.unmount(now, true);
    }
    if (server != null) {
      try {
        server.await(END);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
