package io.github.composefs4j.fuse.transport;

import io.github.composefs4j.fuse.protocol.FuseAbi;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.fuse.protocol.RequestHandler;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.IoRing;
import io.github.composefs4j.linux.sys.Pages;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * Takes requests from io_uring and gives the replies back in the same call that fetches the next
 * one (fuse-and-mount.md 9). The kernel has a queue for each processor and puts a request into that
 * of its caller; the thread that serves it runs there too, so that neither has to wake another
 * processor. One a thread.
 */
public final class UringWorker {
  private static final Path ENABLED = Path.of("/sys/module/fuse/parameters/enable_uring");
  private static final Path PROCESSORS = Path.of("/sys/devices/system/cpu/possible");

  /** Requests of a queue that the kernel may hand over at a time. */
  private static final int DEPTH = 4;

  // enum fuse_uring_cmd, struct fuse_uring_cmd_req
  private static final int REGISTER = 1;
  private static final int COMMIT_AND_FETCH = 2;
  private static final int COMMIT_ID = IoRing.SQE_ARGUMENTS + 8;
  private static final int QUEUE = IoRing.SQE_ARGUMENTS + 16;

  // struct fuse_uring_req_header
  private static final int FIXED = 128;
  private static final int FIXED_MAX = 128;
  private static final int ENTRY_COMMIT_ID = 264;
  private static final int PAYLOAD_SIZE = 272;
  private static final int HEADER = 288;

  /** Room for a header, for the two iovecs that tell where it and the payload are, and to spare. */
  private static final int HEADER_ROOM = 512;

  private static final int IOVECS = HEADER;

  private final FuseDevice device;
  private final RequestHandler handler;
  private final int[] queues;
  private final long processors;
  private final CompletableFuture<Boolean> prepared = new CompletableFuture<>();
  private final CompletableFuture<Boolean> wanted = new CompletableFuture<>();
  private final CompletableFuture<Boolean> registered = new CompletableFuture<>();

  private UringWorker(FuseDevice device, RequestHandler handler, int[] queues, long processors) {
    this.device = device;
    this.handler = handler;
    this.queues = queues;
    this.processors = processors;
  }

  /** {@return whether the administrator lets FUSE use io_uring} */
  public static boolean isEnabled() {
    try {
      return Files.readString(ENABLED).startsWith("Y");
    } catch (IOException e) {
      return false; // before Linux 6.14
    }
  }

  /** Makes handlers. */
  @FunctionalInterface
  public interface Handlers {
    /** {@return a handler for one thread} */
    RequestHandler handler();
  }

  /**
   * {@return workers, to be run each by a thread of its own, which together serve all queues}
   *
   * @param most how many there are at most
   */
  public static List<UringWorker> all(FuseDevice device, int most, Handlers handlers)
      throws IOException {
    int possible = possibleProcessors();
    int count = Math.min(most, possible);
    List<UringWorker> workers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] queues = new int[(possible - i + count - 1) / count];
      long processors = 0;
      for (int k = 0; k < queues.length; k++) {
        queues[k] = i + k * count;
        processors |= queues[k] < Long.SIZE ? 1L << queues[k] : 0;
      }
      workers.add(new UringWorker(device, handlers.handler(), queues, processors));
    }
    return workers;
  }

  /** The kernel waits for a queue of each, also of those that are not there now. */
  private static int possibleProcessors() throws IOException {
    String ranges = Files.readString(PROCESSORS).strip();
    String last = ranges.substring(Math.max(ranges.lastIndexOf('-'), ranges.lastIndexOf(',')) + 1);
    return Integer.parseInt(last) + 1;
  }

  /** {@return whether the ring could be made; before the kernel is told that it will be used} */
  public boolean awaitPrepared() {
    return prepared.join();
  }

  /** Lets the worker begin, or end; after the kernel has the terms. */
  public void begin(boolean agreed) {
    wanted.complete(agreed);
  }

  /** {@return whether the kernel can send requests to this worker} */
  public boolean awaitRegistered() {
    return registered.join();
  }

  /**
   * Serves until the mount is gone.
   *
   * @return false if the requests of these queues are served no more though the mount is there
   */
  public boolean serve() {
    try (IoRing ring = new IoRing(Integer.highestOneBit(2 * queues.length * DEPTH - 1));
        Pages pages = new Pages((long) queues.length * DEPTH * Entry.BYTES)) {
      prepared.complete(true);
      if (wanted.join()) {
        if (processors != 0) {
          Sys.setAffinity(processors); // where that is not allowed, it works all the same
        }
        serve(ring, pages.memory());
      }
      return true;
    } catch (IOException | RuntimeException | Error e) {
      if (!prepared.isDone()) {
        return true; // no ring was promised to anybody
      }
      FuseSession.logger().log(System.Logger.Level.ERROR, "a thread that serves a mount ends", e);
      return false;
    } finally {
      prepared.complete(false);
      registered.complete(false);
    }
  }

  /** One request at a time: its header and its payload, which the reply takes the place of. */
  private static final class Entry {
    static final int BYTES = FuseAbi.BODY_MAX + HEADER_ROOM;

    final int number;
    final int queue;
    final MemorySegment header;
    final ByteBuffer headerBytes;
    final ByteBuffer payload;

    Entry(int number, int queue, MemorySegment memory) {
      this.number = number;
      this.queue = queue;
      MemorySegment data = memory.asSlice(0, FuseAbi.BODY_MAX);
      header = memory.asSlice(FuseAbi.BODY_MAX, HEADER_ROOM);
      headerBytes = header.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      payload = data.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      headerBytes.putLong(IOVECS, header.address()).putLong(IOVECS + 8, HEADER);
      headerBytes.putLong(IOVECS + 16, data.address()).putLong(IOVECS + 24, FuseAbi.BODY_MAX);
    }
  }

  private void serve(IoRing ring, MemorySegment memory) throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (int queue : queues) {
      for (int i = 0; i < DEPTH; i++) {
        int number = entries.size();
        MemorySegment own = memory.asSlice((long) number * Entry.BYTES, Entry.BYTES);
        entries.add(new Entry(number, queue, own));
        register(ring, entries.getLast());
      }
    }
    ByteBuffer request =
        ByteBuffer.allocate(FuseChannel.REQUEST_MAX).order(ByteOrder.LITTLE_ENDIAN);
    int live = entries.size();
    while (live > 0) {
      ring.enter(registered.isDone() ? 1 : 0);
      boolean again = false;
      while (ring.next()) {
        Entry entry = entries.get((int) ring.userData());
        int result = ring.result();
        ring.done();
        if (result == 0) {
          answer(ring, entry, request);
        } else if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
          LockSupport.parkNanos(1_000_000); // the kernel has not taken the terms in yet
          register(ring, entry);
          again = true;
        } else {
          live--;
          if (result != -Errno.ENOTCONN && result != -Errno.ECONNABORTED) {
            throw new ErrnoException("FUSE over io_uring", -result);
          }
        }
      }
      if (!again) {
        registered.complete(true); // a refusal would have come at once
      }
    }
  }

  private void register(IoRing ring, Entry entry) {
    ring.command(device.fd().number(), REGISTER, entry.header.address() + IOVECS, 2, entry.number)
        .putShort(QUEUE, (short) entry.queue);
  }

  private void answer(IoRing ring, Entry entry, ByteBuffer request) {
    ByteBuffer header = entry.headerBytes;
    long commit = header.getLong(ENTRY_COMMIT_ID);
    long unique = header.getLong(FuseAbi.IN_UNIQUE);
    int length = gather(entry, request);
    int result = length < 0 ? -Errno.EINVAL : handler.handle(request, length, _ -> entry.payload);
    int error = result == RequestHandler.NO_REPLY ? 0 : Math.min(0, result);
    int body = Math.max(0, result);
    header.putInt(FuseAbi.OUT_LEN, FuseAbi.OUT_HEADER + body);
    header.putInt(FuseAbi.OUT_ERROR, error);
    header.putLong(FuseAbi.OUT_UNIQUE, unique);
    header.putInt(PAYLOAD_SIZE, body);
    ring.command(device.fd().number(), COMMIT_AND_FETCH, 0, 0, entry.number)
        .putLong(COMMIT_ID, commit)
        .putShort(QUEUE, (short) entry.queue);
  }

  /** {@return the length of the request, put together as the device gives it; -1 if it is odd} */
  private static int gather(Entry entry, ByteBuffer request) {
    ByteBuffer header = entry.headerBytes;
    int length = header.getInt(FuseAbi.IN_LEN);
    int payload = header.getInt(PAYLOAD_SIZE);
    int fixed = length - FuseAbi.IN_HEADER - payload;
    if (length > request.capacity() || payload < 0 || fixed < 0 || fixed > FIXED_MAX) {
      return -1;
    }
    request.put(0, header, 0, FuseAbi.IN_HEADER);
    request.put(FuseAbi.IN_HEADER, header, FIXED, fixed);
    request.put(FuseAbi.IN_HEADER + fixed, entry.payload, 0, payload);
    return length;
  }
}
