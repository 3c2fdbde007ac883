package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** This process, when it goes on while who started it does not wait for its end. Thread-safe. */
public final class Daemon {
  private static final int STANDARD_STREAMS = 3;

  private Daemon() {}

  /**
   * Leaves behind what the caller may need for itself: its session and its standard streams, in
   * whose place is {@code /dev/null}.
   *
   * @param moves whether also its working directory, after which relative paths mean something else
   */
  public static void detach(boolean moves) throws IOException {
    Sys.setsid(); // which a process that leads a group cannot, and one that a shell put behind can
    if (moves) {
      Sys.chdir(Sys.scratch().path(FileName.encode("/")));
    }
    try (Fd none = Fd.open(FileName.encode("/dev/null"), Abi.O_RDWR)) {
      for (int stream = 0; stream < STANDARD_STREAMS; stream++) {
        int result = Sys.dup3(none.number(), stream, 0);
        if (result < 0) {
          throw new ErrnoException("/dev/null", -result);
        }
      }
    }
  }

  /** Writes a line to an inherited descriptor and closes it: who waits there sees the end. */
  public static void tell(int descriptor, String line) {
    byte[] bytes = FileName.encode(line + "\n");
    MemorySegment data = Sys.scratch().data;
    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, data, 0, bytes.length);
    Sys.write(descriptor, data, bytes.length); // or nobody waits any more
    Sys.close(descriptor);
  }
}
