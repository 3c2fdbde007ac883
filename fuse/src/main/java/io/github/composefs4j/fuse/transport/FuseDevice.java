package io.github.composefs4j.fuse.transport;

import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** An open {@code /dev/fuse} (fuse-and-mount.md 4). Owns the descriptor. */
public final class FuseDevice implements FuseChannel {
  private static final byte[] PATH = "/dev/fuse".getBytes(StandardCharsets.US_ASCII);

  private final Fd fd;

  /** Takes the descriptor over. */
  public FuseDevice(Fd fd) {
    this.fd = fd;
  }

  /**
   * {@return a device that is not mounted yet}
   *
   * @throws ErrnoException if there is none, or it may not be opened
   */
  public static FuseDevice open() throws ErrnoException {
    return new FuseDevice(Fd.open(PATH, Abi.O_RDWR));
  }

  /** {@return the descriptor, which stays this device's} */
  public Fd fd() {
    return fd;
  }

  /**
   * {@return a further channel of the same mount} With a queue of its own, threads do not wait for
   * each other. Where the device cannot be opened again, as a user's may, it is the same queue.
   */
  public FuseChannel another() {
    try {
      FuseDevice other = open();
      MemorySegment number = Sys.scratch().struct;
      number.set(ValueLayout.JAVA_INT, 0, fd.number());
      if (Sys.ioctl(other.fd.number(), Abi.FUSE_DEV_IOC_CLONE, number.address()) == 0) {
        return other;
      }
      other.close();
    } catch (ErrnoException e) {
      // shared below
    }
    return new Shared();
  }

  @Override
  public int receive(MemorySegment request) throws IOException {
    while (true) {
      long length = Sys.read(fd.number(), request, request.byteSize());
      if (length >= 0) {
        return (int) length;
      }
      switch ((int) -length) {
        case Errno.ENODEV, Errno.ECONNABORTED -> {
          return -1;
        }
        case Errno.ENOENT, Errno.EINTR, Errno.EAGAIN -> {} // the request was withdrawn
        default -> throw new ErrnoException("/dev/fuse", (int) -length);
      }
    }
  }

  @Override
  public void send(MemorySegment reply, int length) throws IOException {
    long written = Sys.write(fd.number(), reply, length);
    if (written < 0 && written != -Errno.ENOENT && written != -Errno.ENODEV) {
      throw new ErrnoException("/dev/fuse", (int) -written);
    }
  }

  @Override
  public void close() {
    fd.close();
  }

  private final class Shared implements FuseChannel {
    @Override
    public int receive(MemorySegment request) throws IOException {
      return FuseDevice.this.receive(request);
    }

    @Override
    public void send(MemorySegment reply, int length) throws IOException {
      FuseDevice.this.send(reply, length);
    }

    @Override
    public void close() {
      // the first one's
    }
  }
}
