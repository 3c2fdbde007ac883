package io.github.composefs4j.linux.sys;

import io.github.composefs4j.core.tree.FileName;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import org.jspecify.annotations.Nullable;

/**
 * System calls with their error numbers. A result below 0 is the negative errno. Thread-safe: what
 * a call needs in native memory belongs to the thread.
 */
public final class Sys {
  private Sys() {}

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final long ERRNO =
      CALL_STATE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle SYSCALL = function("syscall");

  /**
   * {@return a handle of a C function with up to seven integer or pointer arguments} All have the
   * one shape: those that a function does not take are ignored by it, on both machines.
   */
  @SuppressWarnings("restricted") // this class is the door
  static MethodHandle function(String name) {
    return Linker.nativeLinker()
        .downcallHandle(
            Linker.nativeLinker().defaultLookup().findOrThrow(name),
            FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG),
            Linker.Option.firstVariadicArg(1),
            Linker.Option.captureCallState("errno"));
  }

  /**
   * Native memory of one thread, made once. Scans read and write it through the buffers: before it
   * is compiled, code on a {@link ByteBuffer} is several times faster than on a {@link
   * MemorySegment}.
   */
  public static final class Scratch {
    private static final int PATH = 1 << 16;

    private final long thread = Thread.currentThread().threadId();
    final MemorySegment state = Arena.ofAuto().allocate(CALL_STATE);
    private final ByteBuffer path = buffer(PATH);
    private final ByteBuffer path2 = buffer(PATH);
    private final long pathAddress = MemorySegment.ofBuffer(path).address();
    private final long path2Address = MemorySegment.ofBuffer(path2).address();

    /** The bytes of {@link #struct}, in the machine's order. */
    public final ByteBuffer structBytes = buffer(512);

    /** The same as numbers of eight bytes. */
    public final LongBuffer structLongs = structBytes.asLongBuffer();

    /** The bytes of {@link #data}, in the machine's order. */
    public final ByteBuffer dataBytes = buffer(1 << 18);

    /** 512 bytes for structures. */
    public final MemorySegment struct = MemorySegment.ofBuffer(structBytes);

    /** 256 KiB for data. */
    public final MemorySegment data = MemorySegment.ofBuffer(dataBytes);

    private static ByteBuffer buffer(int size) {
      return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    /** {@return the address of a NUL-terminated copy, valid until the next call} */
    public long path(byte[] bytes) throws ErrnoException {
      copy(path, bytes);
      return pathAddress;
    }

    /** {@return as {@link #path}, in a second place} */
    public long path2(byte[] bytes) throws ErrnoException {
      copy(path2, bytes);
      return path2Address;
    }

    private static void copy(ByteBuffer to, byte[] bytes) throws ErrnoException {
      if (bytes.length >= PATH) {
        throw new ErrnoException("a path of " + bytes.length + " bytes", Errno.ENAMETOOLONG);
      }
      to.put(0, bytes);
      to.put(bytes.length, (byte) 0);
    }

    /** {@return a copy of the first bytes of {@link #data}} */
    public byte[] copyOfData(int length) {
      byte[] copy = new byte[length];
      dataBytes.get(0, copy);
      return copy;
    }
  }

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  /**
   * By the last bits of the thread's number, the memory last asked for: what the first compiler
   * makes of a thread-local needs a native call, and every system call asks. Races lose nothing.
   */
  private static final @Nullable Scratch[] RECENT = new Scratch[16];

  /** {@return this thread's memory} */
  public static Scratch scratch() {
    long thread = Thread.currentThread().threadId();
    int slot = (int) thread & RECENT.length - 1;
    Scratch recent = RECENT[slot];
    if (recent != null && recent.thread == thread) {
      return recent;
    }
    Scratch own = SCRATCH.get();
    RECENT[slot] = own;
    return own;
  }

  /**
   * {@return the result of a system call, or its negative error number; repeated if a signal
   * interrupted it}
   */
  static long call(int number, long a, long b, long c, long d, long e, long f) {
    MemorySegment state = scratch().state;
    while (true) {
      long result;
      try {
        result = (long) SYSCALL.invokeExact(state, (long) number, a, b, c, d, e, f);
      } catch (Throwable t) {
        throw new IllegalStateException("system call " + number, t);
      }
      if (result != -1) {
        return result;
      }
      int errno = state.get(ValueLayout.JAVA_INT, ERRNO);
      if (errno != Errno.EINTR) {
        return -errno;
      }
    }
  }

  public static int openat(int dir, long path, int flags, int mode) {
    return (int) call(Abi.OPENAT, dir, path, flags | Abi.O_CLOEXEC, mode, 0, 0);
  }

  public static void close(int fd) {
    call(Abi.CLOSE, fd, 0, 0, 0, 0, 0);
  }

  public static long pread(int fd, MemorySegment into, long length, long position) {
    return call(Abi.PREAD64, fd, into.address(), length, position, 0, 0);
  }

  public static long read(int fd, MemorySegment into, long length) {
    return call(Abi.READ, fd, into.address(), length, 0, 0, 0);
  }

  /** One message to a device, or bytes to a file; not completed if it is short. */
  public static long write(int fd, MemorySegment from, long length) {
    return call(Abi.WRITE, fd, from.address(), length, 0, 0, 0);
  }

  public static int geteuid() {
    return (int) call(Abi.GETEUID, 0, 0, 0, 0, 0, 0);
  }

  public static int getegid() {
    return (int) call(Abi.GETEGID, 0, 0, 0, 0, 0, 0);
  }

  /** Begins a session; fails where this process leads a group of processes. */
  public static int setsid() {
    return (int) call(Abi.SETSID, 0, 0, 0, 0, 0, 0);
  }

  public static int chdir(long path) {
    return (int) call(Abi.CHDIR, path, 0, 0, 0, 0, 0);
  }

  /** Makes {@code to} another number of the open file {@code from}. */
  public static int dup3(int from, int to, int flags) {
    return (int) call(Abi.DUP3, from, to, flags, 0, 0, 0);
  }

  public static long pwrite(int fd, MemorySegment from, long length, long position) {
    return call(Abi.PWRITE64, fd, from.address(), length, position, 0, 0);
  }

  /** Fills {@code scratch().struct} with 256 bytes. */
  public static int statx(int dir, long path, int flags) {
    return (int) call(Abi.STATX, dir, path, flags, 0x7ff, scratch().struct.address(), 0);
  }

  public static long getdents64(int fd, MemorySegment into, long size) {
    return call(Abi.GETDENTS64, fd, into.address(), size, 0, 0, 0);
  }

  public static long readlinkat(int dir, long path, MemorySegment into, long size) {
    return call(Abi.READLINKAT, dir, path, into.address(), size, 0, 0);
  }

  public static long flistxattr(int fd, MemorySegment into, long size) {
    return call(Abi.FLISTXATTR, fd, into.address(), size, 0, 0, 0);
  }

  public static long llistxattr(long path, MemorySegment into, long size) {
    return call(Abi.LLISTXATTR, path, into.address(), size, 0, 0, 0);
  }

  public static long fgetxattr(int fd, long name, MemorySegment into, long size) {
    return call(Abi.FGETXATTR, fd, name, into.address(), size, 0, 0);
  }

  public static long lgetxattr(long path, long name, MemorySegment into, long size) {
    return call(Abi.LGETXATTR, path, name, into.address(), size, 0, 0);
  }

  /** As {@link #llistxattr}, of a path from a directory; since Linux 6.13. */
  public static long listxattrat(int dir, long path, MemorySegment into, long size) {
    return call(Abi.LISTXATTRAT, dir, path, Abi.AT_SYMLINK_NOFOLLOW, into.address(), size, 0);
  }

  /** As {@link #lgetxattr}, of a path from a directory; since Linux 6.13. */
  public static long getxattrat(int dir, long path, long name, MemorySegment into, int size) {
    Scratch scratch = scratch();
    scratch.structBytes.putLong(0, into.address()).putInt(8, size).putInt(12, 0);
    long arguments = scratch.struct.address();
    return call(Abi.GETXATTRAT, dir, path, Abi.AT_SYMLINK_NOFOLLOW, name, arguments, 16);
  }

  public static int mkdirat(int dir, long path, int mode) {
    return (int) call(Abi.MKDIRAT, dir, path, mode, 0, 0, 0);
  }

  public static int unlinkat(int dir, long path, int flags) {
    return (int) call(Abi.UNLINKAT, dir, path, flags, 0, 0, 0);
  }

  public static int renameat(int dir, long path, int toDir, long toPath) {
    return (int) call(Abi.RENAMEAT2, dir, path, toDir, toPath, 0, 0);
  }

  public static int linkat(int dir, long path, int toDir, long toPath, int flags) {
    return (int) call(Abi.LINKAT, dir, path, toDir, toPath, flags, 0);
  }

  public static int fchmod(int fd, int mode) {
    return (int) call(Abi.FCHMOD, fd, mode, 0, 0, 0, 0);
  }

  public static int ftruncate(int fd, long size) {
    return (int) call(Abi.FTRUNCATE, fd, size, 0, 0, 0, 0);
  }

  public static int lsetxattr(long path, long name, MemorySegment value, long size) {
    return (int) call(Abi.LSETXATTR, path, name, value.address(), size, 0, 0);
  }

  public static int mknodat(int dir, long path, int mode, int device) {
    return (int) call(Abi.MKNODAT, dir, path, mode, Integer.toUnsignedLong(device), 0, 0);
  }

  public static int fchownat(int dir, long path, int uid, int gid, int flags) {
    return (int) call(Abi.FCHOWNAT, dir, path, uid, gid, flags, 0);
  }

  public static int fchmodat(int dir, long path, int mode) {
    return (int) call(Abi.FCHMODAT, dir, path, mode, 0, 0, 0);
  }

  /** Sets the times of access and modification, two {@code timespec} in {@code times}. */
  public static int utimensat(int dir, long path, MemorySegment times, int flags) {
    return (int) call(Abi.UTIMENSAT, dir, path, times.address(), flags, 0, 0);
  }

  public static int syncfs(int fd) {
    return (int) call(Abi.SYNCFS, fd, 0, 0, 0, 0, 0);
  }

  public static int fsync(int fd) {
    return (int) call(Abi.FSYNC, fd, 0, 0, 0, 0, 0);
  }

  public static int symlinkat(long target, int dir, long path) {
    return (int) call(Abi.SYMLINKAT, target, dir, path, 0, 0, 0);
  }

  public static int faccessat(int dir, long path, int mode) {
    return (int) call(Abi.FACCESSAT, dir, path, mode, 0, 0, 0);
  }

  public static int flock(int fd, int operation) {
    return (int) call(Abi.FLOCK, fd, operation, 0, 0, 0, 0);
  }

  /** {@return whether the file system of an open file is mounted read-only} */
  public static boolean isReadOnly(int fd) {
    MemorySegment struct = scratch().struct;
    long result = call(Abi.FSTATFS, fd, struct.address(), 0, 0, 0, 0);
    return result == 0 && (struct.get(ValueLayout.JAVA_LONG, 80) & Abi.ST_RDONLY) != 0;
  }

  public static int ioctl(int fd, long request, long argument) {
    return (int) call(Abi.IOCTL, fd, request, argument, 0, 0, 0);
  }

  public static long copyFileRange(int in, long inOffset, int out, long outOffset, long length) {
    return call(Abi.COPY_FILE_RANGE, in, inOffset, out, outOffset, length, 0);
  }

  /** {@return the file system's magic number, or a negative error number} */
  public static long fileSystemType(int fd) {
    MemorySegment struct = scratch().struct;
    long result = call(Abi.FSTATFS, fd, struct.address(), 0, 0, 0, 0);
    return result < 0 ? result : struct.get(ValueLayout.JAVA_LONG, 0) & 0xffff_ffffL;
  }

  public static int mount(long source, long target, long type, long flags, long data) {
    return (int) call(Abi.MOUNT, source, target, type, flags, data, 0);
  }

  public static int umount(long target, int flags) {
    return (int) call(Abi.UMOUNT2, target, flags, 0, 0, 0, 0);
  }

  public static int fsopen(long type) {
    return (int) call(Abi.FSOPEN, type, 1, 0, 0, 0, 0);
  }

  public static int fsconfig(int fs, int command, long key, long value, int aux) {
    return (int) call(Abi.FSCONFIG, fs, command, key, value, aux, 0);
  }

  public static int fsmount(int fs, int attributes) {
    return (int) call(Abi.FSMOUNT, fs, 1, attributes, 0, 0, 0);
  }

  public static int openTree(int dir, long path, int flags) {
    return (int) call(Abi.OPEN_TREE, dir, path, flags | Abi.O_CLOEXEC, 0, 0, 0);
  }

  public static int moveMount(int from, long fromPath, int to, long toPath, int flags) {
    return (int) call(Abi.MOVE_MOUNT, from, fromPath, to, toPath, flags, 0);
  }

  public static int mountSetattr(int fd, long path, int flags, MemorySegment attributes) {
    return (int) call(Abi.MOUNT_SETATTR, fd, path, flags, attributes.address(), 32, 0);
  }

  /** Lets this thread run on processors below 64 only, by their bits. */
  public static int setAffinity(long processors) {
    Scratch scratch = scratch();
    scratch.structBytes.putLong(0, processors);
    return (int) call(Abi.SCHED_SETAFFINITY, 0, 8, scratch.struct.address(), 0, 0, 0);
  }

  /** {@return the processors that this thread may run on, by their bits; 0 if one is above 63} */
  public static long affinity() {
    Scratch scratch = scratch();
    int words = scratch.structLongs.capacity();
    for (int i = 0; i < words; i++) {
      scratch.structLongs.put(i, 0);
    }
    long room = scratch.structBytes.capacity();
    long filled = call(Abi.SCHED_GETAFFINITY, 0, room, scratch.struct.address(), 0, 0, 0);
    for (int i = 1; i < words; i++) {
      if (scratch.structLongs.get(i) != 0) {
        return 0;
      }
    }
    return filled < 0 ? 0 : scratch.structLongs.get(0);
  }

  /**
   * {@return memory shared with a file at an offset, or private memory of zeros if {@code fd} is
   * -1} To be given back by {@link #munmap}.
   */
  @SuppressWarnings("restricted") // the length is the one that the kernel has mapped
  static MemorySegment mmap(int fd, long offset, long length) throws ErrnoException {
    int flags = fd < 0 ? Abi.MAP_PRIVATE | Abi.MAP_ANONYMOUS : Abi.MAP_SHARED | Abi.MAP_POPULATE;
    long address = call(Abi.MMAP, 0, length, Abi.PROT_READ | Abi.PROT_WRITE, flags, fd, offset);
    if (address < 0 && address > -4096) {
      throw new ErrnoException("mapping " + length + " bytes", (int) -address);
    }
    return MemorySegment.ofAddress(address).reinterpret(length);
  }

  static void munmap(MemorySegment memory) {
    call(Abi.MUNMAP, memory.address(), memory.byteSize(), 0, 0, 0, 0);
  }

  /** Gives advice that may be ignored: {@code MADV_*}. Begins with a page. */
  static void madvise(MemorySegment memory, int advice) {
    call(Abi.MADVISE, memory.address(), memory.byteSize(), advice, 0, 0, 0);
  }

  static int ioUringSetup(int entries, long params) {
    return (int) call(Abi.IO_URING_SETUP, entries, params, 0, 0, 0, 0);
  }

  static int ioUringEnter(int ring, int submit, int least, int flags) {
    return (int) call(Abi.IO_URING_ENTER, ring, submit, least, flags, 0, 0);
  }

  /** {@return the target of a symlink at a path} */
  public static byte[] readlink(byte[] path) throws ErrnoException {
    Scratch scratch = scratch();
    long length =
        readlinkat(Abi.AT_FDCWD, scratch.path(path), scratch.data, scratch.data.byteSize());
    if (length < 0) {
      throw new ErrnoException(FileName.printable(path), (int) -length);
    }
    return scratch.copyOfData((int) length);
  }
}
