package io.github.composefs4j.linux.sys;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A program that opens something for us, with rights of its own, and hands it back over a socket:
 * as {@code fusermount3} does (fuse-and-mount.md 10.2). {@link ProcessBuilder} gives a child no
 * descriptors but the first three, so this goes through {@code posix_spawnp}.
 */
public final class DescriptorHelper {
  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int FILE_ACTIONS_SIZE = 1024;
  private static final int MESSAGE = 4096;

  private static final MethodHandle SPAWN = Sys.function("posix_spawnp");
  private static final MethodHandle ACTIONS_INIT = Sys.function("posix_spawn_file_actions_init");
  private static final MethodHandle ADD_DUP2 = Sys.function("posix_spawn_file_actions_adddup2");
  private static final MethodHandle ACTIONS_DESTROY =
      Sys.function("posix_spawn_file_actions_destroy");

  private DescriptorHelper() {}

  /**
   * What came of it.
   *
   * @param descriptor -1 if there is none; the caller owns it
   * @param message what the program said on standard error
   */
  public record Result(int descriptor, String message) {}

  /**
   * Runs a program and waits for it.
   *
   * @param command the program, found on the path, and its arguments
   * @param variable the environment variable that tells it the number of its end of the socket
   * @throws ErrnoException if it could not be started: {@code ENOENT} if there is no such program
   */
  public static Result run(List<byte[]> command, String variable) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pair = arena.allocate(8, 4);
      check(Sys.call(Abi.SOCKETPAIR, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.address(), 0, 0));
      try (Fd ours = new Fd(pair.get(ValueLayout.JAVA_INT, 0));
          Fd theirs = new Fd(pair.get(ValueLayout.JAVA_INT, 4))) {
        check(Sys.call(Abi.PIPE2, pair.address(), Abi.O_CLOEXEC, 0, 0, 0, 0));
        try (Fd out = new Fd(pair.get(ValueLayout.JAVA_INT, 0));
            Fd in = new Fd(pair.get(ValueLayout.JAVA_INT, 4))) {
          int pid = spawn(arena, command, variable, theirs, in);
          // Now the child alone holds these ends: when it is gone, ours say so.
          Sys.close(in.release());
          Sys.close(theirs.release());
          int descriptor = receive(arena, ours);
          String message = readAll(arena, out);
          Sys.call(Abi.WAIT4, pid, 0, 0, 0, 0, 0);
          return new Result(descriptor, message);
        }
      }
    }
  }

  private static void check(long result) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException("a socket for a helper", (int) -result);
    }
  }

  private static int spawn(
      Arena arena, List<byte[]> command, String variable, Fd socket, Fd standardError)
      throws ErrnoException {
    MemorySegment actions = arena.allocate(FILE_ACTIONS_SIZE, 16);
    MemorySegment pid = arena.allocate(8, 8);
    MemorySegment arguments = arena.allocate(8L * (command.size() + 1), 8);
    for (int i = 0; i < command.size(); i++) {
      arguments.setAtIndex(ValueLayout.JAVA_LONG, i, string(arena, command.get(i)));
    }
    MemorySegment environment = arena.allocate(8 * 3, 8);
    environment.setAtIndex(
        ValueLayout.JAVA_LONG, 0, string(arena, ascii("PATH=/usr/bin:/bin:/usr/sbin:/sbin")));
    environment.setAtIndex(
        ValueLayout.JAVA_LONG, 1, string(arena, ascii(variable + "=" + socket.number())));
    call(ACTIONS_INIT, actions.address(), 0, 0, 0, 0, 0);
    try {
      // Onto itself: that is how the C library keeps a descriptor open for the child alone.
      call(ADD_DUP2, actions.address(), socket.number(), socket.number(), 0, 0, 0);
      call(ADD_DUP2, actions.address(), standardError.number(), 2, 0, 0, 0);
      int error =
          call(
              SPAWN,
              pid.address(),
              arguments.get(ValueLayout.JAVA_LONG, 0),
              actions.address(),
              0,
              arguments.address(),
              environment.address());
      if (error != 0) {
        throw new ErrnoException(new String(command.getFirst(), StandardCharsets.UTF_8), error);
      }
      return pid.get(ValueLayout.JAVA_INT, 0);
    } finally {
      call(ACTIONS_DESTROY, actions.address(), 0, 0, 0, 0, 0);
    }
  }

  private static int call(MethodHandle function, long a, long b, long c, long d, long e, long f) {
    try {
      return (int) (long) function.invokeExact(Sys.scratch().state, a, b, c, d, e, f, 0L);
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static long string(Arena arena, byte[] bytes) {
    MemorySegment string = arena.allocate(bytes.length + 1L);
    MemorySegment.copy(bytes, 0, string, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return string.address();
  }

  /** {@return the descriptor that came, or -1 if the program ended without sending one} */
  private static int receive(Arena arena, Fd socket) {
    MemorySegment data = arena.allocate(8, 8);
    MemorySegment vector = arena.allocate(16, 8);
    MemorySegment control = arena.allocate(24, 8);
    MemorySegment header = arena.allocate(56, 8);
    vector.set(ValueLayout.JAVA_LONG, 0, data.address());
    vector.set(ValueLayout.JAVA_LONG, 8, 1);
    header.set(ValueLayout.JAVA_LONG, 16, vector.address());
    header.set(ValueLayout.JAVA_LONG, 24, 1);
    header.set(ValueLayout.JAVA_LONG, 32, control.address());
    header.set(ValueLayout.JAVA_LONG, 40, control.byteSize());
    long size = Sys.call(Abi.RECVMSG, socket.number(), header.address(), MSG_CMSG_CLOEXEC, 0, 0, 0);
    boolean sent =
        size > 0
            && header.get(ValueLayout.JAVA_LONG, 40) >= 20
            && control.get(ValueLayout.JAVA_INT, 8) == SOL_SOCKET
            && control.get(ValueLayout.JAVA_INT, 12) == SCM_RIGHTS;
    return sent ? control.get(ValueLayout.JAVA_INT, 16) : -1;
  }

  private static String readAll(Arena arena, Fd pipe) {
    MemorySegment data = arena.allocate(MESSAGE);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    long size;
    while ((size = Sys.read(pipe.number(), data, MESSAGE)) > 0 && all.size() < MESSAGE) {
      all.writeBytes(data.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE));
    }
    return all.toString(StandardCharsets.UTF_8).strip();
  }
}
