package io.github.composefs4j.fuse.transport;

import io.github.composefs4j.fuse.protocol.FuseAbi;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.fuse.protocol.ReplyBuffer;
import io.github.composefs4j.fuse.protocol.RequestHandler;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Takes requests from a channel and sends the replies, until there are no more. One a thread. */
public final class ChannelWorker implements Runnable {
  private static final int UNIQUE = 8;

  private final FuseChannel channel;
  private final RequestHandler handler;
  private final int number;

  /**
   * A worker on a channel, which it closes when it ends.
   *
   * @param number of the worker among those of the mount, from 0
   */
  public ChannelWorker(FuseChannel channel, RequestHandler handler, int number) {
    this.channel = channel;
    this.handler = handler;
    this.number = number;
  }

  /** A message: a header and room for a body that grows when a large one comes. */
  private static final class Message implements ReplyBuffer, AutoCloseable {
    private final Arena first = Arena.ofConfined();
    private @Nullable Arena larger;
    private MemorySegment whole = first.allocate(1 << 16, 16);
    private ByteBuffer header = buffer(whole);
    private ByteBuffer body = buffer(whole.asSlice(FuseAbi.OUT_HEADER));

    @Override
    public ByteBuffer room(int bytes) {
      if (bytes > body.capacity()) {
        grow(bytes + FuseAbi.OUT_HEADER);
      }
      return body;
    }

    @SuppressWarnings("MustBeClosed") // closed when it grows again, and with the whole
    private void grow(long bytes) {
      if (larger != null) {
        larger.close();
      }
      larger = Arena.ofConfined();
      whole = larger.allocate(bytes, 16);
      header = buffer(whole);
      body = buffer(whole.asSlice(FuseAbi.OUT_HEADER));
    }

    int finish(long unique, int result) {
      int length = FuseAbi.OUT_HEADER + Math.max(0, result);
      header.putInt(0, length).putInt(4, Math.min(0, result)).putLong(8, unique);
      return length;
    }

    @Override
    public void close() {
      first.close();
      if (larger != null) {
        larger.close();
      }
    }
  }

  private static ByteBuffer buffer(MemorySegment memory) {
    return memory.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void run() {
    try (Arena arena = Arena.ofConfined();
        OwnProcessor processor = new OwnProcessor(number);
        Message reply = new Message()) {
      MemorySegment request = arena.allocate(FuseChannel.REQUEST_MAX, 8);
      ByteBuffer asked = buffer(request);
      int length;
      while ((length = channel.receive(request)) >= 0) {
        int result = handler.handle(asked, length, reply);
        if (result != RequestHandler.NO_REPLY) {
          int size = reply.finish(asked.getLong(UNIQUE), result);
          send(reply, size);
        }
        processor.served();
      }
    } catch (IOException | RuntimeException e) {
      FuseSession.logger().log(System.Logger.Level.ERROR, "a thread that serves a mount ends", e);
    } finally {
      close();
    }
  }

  /** A reply that the kernel refuses is one caller's trouble, not the end of the mount. */
  private void send(Message reply, int size) {
    try {
      channel.send(reply.whole, size);
    } catch (IOException e) {
      FuseSession.logger()
          .log(System.Logger.Level.ERROR, "a reply of " + size + " bytes was refused", e);
    }
  }

  private void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // it was only a descriptor
    }
  }
}
