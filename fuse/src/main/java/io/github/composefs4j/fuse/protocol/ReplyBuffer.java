package io.github.composefs4j.fuse.protocol;

import java.nio.ByteBuffer;

/** Where the body of a reply goes. Belongs to one thread. */
@FunctionalInterface
public interface ReplyBuffer {
  /**
   * {@return memory for the body of the reply at hand, little-endian, from index 0} What was handed
   * out before is not to be used any more.
   *
   * <p>A buffer and no segment: most of a walk is over before the best compiler has seen it, and
   * until then a segment's accessors cost ten times as much.
   *
   * @param bytes how many are needed, at most {@link FuseSession#BODY_MAX}
   */
  ByteBuffer room(int bytes);
}
