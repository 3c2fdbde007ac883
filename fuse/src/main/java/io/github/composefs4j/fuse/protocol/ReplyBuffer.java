package io.github.composefs4j.fuse.protocol;

import java.lang.foreign.MemorySegment;

/** Where the body of a reply goes. Belongs to one thread. */
@FunctionalInterface
public interface ReplyBuffer {
  /**
   * {@return memory for the body of the reply at hand} What was handed out before is not to be used
   * any more.
   *
   * @param bytes how many are needed, at most {@link FuseSession#BODY_MAX}
   */
  MemorySegment room(int bytes);
}
