package io.github.composefs4j.fuse.transport;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Holds a thread that serves a mount to a processor of its own while that pays. For one thread.
 *
 * <p>Waking a processor that sleeps takes a virtual machine longer than serving most requests does,
 * and a scheduler that is free to choose wakes one for the server and one for the caller, each
 * time. Of two threads on two processors, the kernel gives a request to the one that has waited
 * longest: that of the processor to which the last reply has moved the caller. So only the caller's
 * wait is left (a third of the time of reading many small files). With more processors the right
 * one is a matter of chance, and nothing is held.
 *
 * <p>Where other work keeps processors from sleeping there is nothing to gain, and a thread held to
 * one would wait for its turn there though another may be free: then it goes where it likes.
 */
final class OwnProcessor implements AutoCloseable {
  /** How many processors there are where this pays, and threads. */
  private static final int PROCESSORS = 2;

  private static final Path ONLINE = Path.of("/sys/devices/system/cpu/online");

  /** What it says where there are two. Of a larger machine, the times would tell about others. */
  private static final String TWO = "0-1";

  /** Hundredths of seconds since the start, and those of all processors without work. */
  private static final Path TIMES = Path.of("/proc/uptime");

  private static final int LOOK_EVERY = 32;
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  /** One part in so many of the processors' time sleeps at least where it pays. */
  private static final int IDLE_PART = 6;

  private final long all;
  private final long own;
  private final @Nullable Fd times;
  private boolean held;
  private int served;
  private long looked;
  private long passed;
  private long idle;

  /**
   * Begins, for the thread that calls this.
   *
   * @param number of the thread among those of its mount
   */
  OwnProcessor(int number) {
    this(number, TIMES);
  }

  /** The same by other times. */
  OwnProcessor(int number, Path uptime) {
    all = Sys.affinity();
    Fd opened = null;
    if (Long.bitCount(all) == PROCESSORS && number < PROCESSORS) {
      try {
        opened =
            Files.readString(ONLINE).strip().equals(TWO)
                ? Fd.open(RawPath.of(uptime), Abi.O_RDONLY)
                : null;
      } catch (IOException e) {
        // without it, nothing would tell whether it pays
      }
    }
    times = opened;
    own = number == 0 ? Long.lowestOneBit(all) : Long.highestOneBit(all);
    if (times != null && look(times)) {
      hold(true);
    }
  }

  private void hold(boolean on) {
    if (held != on) {
      held = on;
      Sys.setAffinity(on ? own : all); // where that is not allowed, it works all the same
    }
  }

  /** Tells that a request was served. */
  void served() {
    Fd open = times;
    if (open != null && ++served % LOOK_EVERY == 0 && System.nanoTime() - looked >= LOOK_NANOS) {
      long passedBefore = passed;
      long idleBefore = idle;
      hold(look(open) && (idle - idleBefore) * IDLE_PART >= (passed - passedBefore) * PROCESSORS);
    }
  }

  /** Takes the times of now; {@return whether they could be read} */
  private boolean look(Fd open) {
    looked = System.nanoTime();
    Sys.Scratch scratch = Sys.scratch();
    long length = Sys.pread(open.number(), scratch.data, 64, 0);
    passed = 0;
    idle = 0;
    int numbers = 0;
    for (int i = 0; i < length; i++) {
      int digit = scratch.dataBytes.get(i) - '0';
      if (digit < 0 || digit > 9) {
        numbers += digit == '.' - '0' ? 0 : 1; // a point is left out: hundredths
      } else if (numbers == 0) {
        passed = passed * 10 + digit;
      } else {
        idle = idle * 10 + digit;
      }
    }
    return numbers == 2;
  }

  @Override
  public void close() {
    if (times != null) {
      times.close();
    }
  }
}
