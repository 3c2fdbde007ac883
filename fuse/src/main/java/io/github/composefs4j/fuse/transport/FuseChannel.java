package io.github.composefs4j.fuse.transport;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Where requests come from and replies go to: one message in, one message out. For one thread; a
 * reply goes to the channel that its request came from.
 */
public interface FuseChannel extends Closeable {
  /**
   * Waits for a request.
   *
   * @param request room for {@link #REQUEST_MAX} bytes
   * @return its length, or -1 once there will be none any more
   */
  int receive(MemorySegment request) throws IOException;

  /** Sends a reply, header included. One that nobody waits for any more is dropped. */
  void send(MemorySegment reply, int length) throws IOException;

  /** The kernel wants room for its smallest buffer, whatever the size of requests. */
  int REQUEST_MAX = 16384;
}
