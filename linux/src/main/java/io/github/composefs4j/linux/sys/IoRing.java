package io.github.composefs4j.linux.sys;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * An io_uring with entries of 128 bytes. For the thread that made it: the kernel lets no other
 * submit, and completes work only when this one enters, which costs no interrupts.
 */
public final class IoRing implements AutoCloseable {
  /** Bytes of a submission. */
  public static final int ENTRY = 128;

  // Fields of a submission that passes a command to a driver, struct io_uring_sqe.
  private static final int URING_CMD = 46;
  private static final int SQE_FD = 4;
  private static final int SQE_COMMAND = 8;
  private static final int SQE_ADDRESS = 16;
  private static final int SQE_LENGTH = 24;
  private static final int SQE_USER_DATA = 32;

  /** Where the driver's own fields are in a submission. */
  public static final int SQE_ARGUMENTS = 48;

  // struct io_uring_params
  private static final int PARAMS = 120;
  private static final int PARAMS_FLAGS = 8;
  private static final int SQ_OFFSETS = 40;
  private static final int CQ_OFFSETS = 80;
  private static final int SETUP_SQE128 = 1 << 10;
  private static final int SETUP_SINGLE_ISSUER = 1 << 12;
  private static final int SETUP_DEFER_TASKRUN = 1 << 13;

  private static final long SQES = 0x1000_0000L;
  private static final int ENTER_GETEVENTS = 1;
  private static final int CQE = 16;

  private static final VarHandle INT =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());

  private final Fd fd;
  private final MemorySegment ringMemory;
  private final MemorySegment entryMemory;
  private final ByteBuffer rings;
  private final ByteBuffer[] entries;
  private final int sqTail;
  private final int cqHead;
  private final int cqTail;
  private final int cqes;
  private final int cqMask;

  /** Submissions written, of which some may not have been passed on yet. */
  private int written;

  private int unsubmitted;
  private int taken;
  private int current;

  /**
   * A ring.
   *
   * @param most submissions at a time, a power of two
   * @throws ErrnoException {@code EPERM} where it is switched off, {@code EINVAL} or {@code ENOSYS}
   *     before Linux 6.1
   */
  public IoRing(int most) throws ErrnoException {
    ByteBuffer params = Sys.scratch().structBytes;
    for (int i = 0; i < PARAMS; i += 8) {
      params.putLong(i, 0);
    }
    params.putInt(PARAMS_FLAGS, SETUP_SQE128 | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN);
    int result = Sys.ioUringSetup(most, Sys.scratch().struct.address());
    if (result < 0) {
      throw new ErrnoException("io_uring", -result);
    }
    fd = new Fd(result);
    int count = params.getInt(0);
    int completions = params.getInt(4);
    sqTail = params.getInt(SQ_OFFSETS + 4);
    int array = params.getInt(SQ_OFFSETS + 24);
    cqHead = params.getInt(CQ_OFFSETS);
    cqTail = params.getInt(CQ_OFFSETS + 4);
    cqes = params.getInt(CQ_OFFSETS + 20);
    cqMask = completions - 1;
    // One mapping for both rings, since Linux 5.4.
    long size = Math.max(array + 4L * count, cqes + (long) CQE * completions);
    try {
      ringMemory = Sys.mmap(result, 0, size);
      entryMemory = Sys.mmap(result, SQES, (long) count * ENTRY);
    } catch (ErrnoException e) {
      fd.close();
      throw e;
    }
    rings = ringMemory.asByteBuffer().order(ByteOrder.nativeOrder());
    entries = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      entries[i] =
          entryMemory
              .asSlice((long) i * ENTRY, ENTRY)
              .asByteBuffer()
              .order(ByteOrder.nativeOrder());
      rings.putInt(array + 4 * i, i);
    }
  }

  /**
   * {@return a new submission: a command for the driver of a file, for the caller to add {@link
   * #SQE_ARGUMENTS}} It is passed on by {@link #enter}; no more than the ring holds may wait for
   * that.
   *
   * @param userData what {@link #userData()} of its completion is
   */
  public ByteBuffer command(int file, int command, long address, int length, long userData) {
    if (unsubmitted == entries.length) {
      throw new IllegalStateException("more submissions than the ring holds");
    }
    ByteBuffer entry = entries[written & entries.length - 1];
    for (int i = 0; i < ENTRY; i += 8) {
      entry.putLong(i, 0);
    }
    entry.put(0, (byte) URING_CMD);
    entry.putInt(SQE_FD, file).putInt(SQE_COMMAND, command);
    entry.putLong(SQE_ADDRESS, address).putInt(SQE_LENGTH, length);
    entry.putLong(SQE_USER_DATA, userData);
    written++;
    unsubmitted++;
    return entry;
  }

  /**
   * Passes on what was written, and waits.
   *
   * @param least how many completions must be there
   */
  public void enter(int least) throws ErrnoException {
    INT.setRelease(rings, sqTail, written);
    int result = Sys.ioUringEnter(fd.number(), unsubmitted, least, ENTER_GETEVENTS);
    if (result < 0) {
      throw new ErrnoException("io_uring", -result);
    }
    unsubmitted -= result;
  }

  /** {@return true if it moved to the next completion} */
  public boolean next() {
    if (taken == (int) INT.getAcquire(rings, cqTail)) {
      return false;
    }
    current = cqes + (taken & cqMask) * CQE;
    return true;
  }

  /** {@return what the submission was given that has completed} */
  public long userData() {
    return rings.getLong(current);
  }

  /** {@return how it went: an errno if it is below 0} */
  public int result() {
    return rings.getInt(current + 8);
  }

  /** Gives the place of the completion at hand back. */
  public void done() {
    taken++;
    INT.setRelease(rings, cqHead, taken);
  }

  @Override
  public void close() {
    fd.close();
    Sys.munmap(entryMemory);
    Sys.munmap(ringMemory);
  }
}
