package io.github.composefs4j.fuse;

import io.github.composefs4j.core.erofs.ImageAttributes;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.fuse.protocol.BackingFiles;
import io.github.composefs4j.linux.KernelVerity;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Errno;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.Sys;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Objects handed to the kernel for reading (fuse-and-mount.md 8): checked once, when an object is
 * opened, by the descriptor that the kernel then reads. Those used last stay known to the kernel,
 * so that opening them again costs nothing. Thread-safe.
 */
final class BackingObjects implements BackingFiles, Closeable {
  private static final int KEPT = 512;

  /** Open: a collector finds by them that this process reads there. */
  private final List<Fd> directories = new ArrayList<>();

  private final Verification verification;
  private final Verifier verifier;
  private final LinkedHashMap<Long, Entry> entries = new LinkedHashMap<>(64, 0.75f, true);
  private @Nullable Fd device;

  BackingObjects(List<Path> directories, Verification verification, Verifier verifier)
      throws IOException {
    this.verification = verification;
    this.verifier = verifier;
    try {
      for (Path directory : directories) {
        this.directories.add(Fd.open(RawPath.of(directory), Abi.O_DIRECTORY));
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  @Override
  public void close() {
    directories.forEach(Fd::close);
  }

  /** Tells the device of the mount; before the first request. It stays the caller's. */
  synchronized void use(Fd fuse) {
    device = fuse;
  }

  private static final class Entry {
    /** 0 until the object was opened; guarded by the entry. */
    private int id;

    /** Guarded by the whole. */
    private int users;
  }

  @Override
  public int open(ImageInode inode) throws IOException {
    Entry entry;
    synchronized (this) {
      entry = entries.computeIfAbsent(inode.nid(), _ -> new Entry());
      entry.users++;
      evict();
    }
    try {
      synchronized (entry) {
        if (entry.id == 0) {
          entry.id = register(inode);
        }
        return entry.id;
      }
    } catch (IOException | RuntimeException e) {
      close(inode);
      throw e;
    }
  }

  @Override
  public synchronized void close(ImageInode inode) {
    Entry entry = entries.get(inode.nid());
    if (entry != null) {
      entry.users--;
      evict();
    }
  }

  /** Forgets what was not used for longest and is not open. */
  private void evict() {
    Iterator<Entry> eldest = entries.values().iterator();
    while (entries.size() > KEPT && eldest.hasNext()) {
      Entry entry = eldest.next();
      if (entry.users == 0) {
        eldest.remove();
        if (entry.id != 0) {
          MemorySegment id = Sys.scratch().struct;
          id.set(ValueLayout.JAVA_INT, 0, entry.id);
          Sys.ioctl(fuse().number(), Abi.FUSE_DEV_IOC_BACKING_CLOSE, id.address());
        }
      }
    }
  }

  private Fd fuse() {
    Fd fuse = device;
    if (fuse == null) {
      throw new IllegalStateException("not mounted");
    }
    return fuse;
  }

  private int register(ImageInode inode) throws IOException {
    try (Fd object = openObject(inode)) {
      MemorySegment map = Sys.scratch().struct;
      map.set(ValueLayout.JAVA_INT, 0, object.number());
      map.set(ValueLayout.JAVA_INT, 4, 0);
      map.set(ValueLayout.JAVA_LONG, 8, 0);
      int id = Sys.ioctl(fuse().number(), Abi.FUSE_DEV_IOC_BACKING_OPEN, map.address());
      if (id < 0) {
        throw new ErrnoException("an object for FUSE passthrough", -id);
      }
      return id;
    }
  }

  private Fd openObject(ImageInode inode) throws IOException {
    ImageAttributes attributes = inode.attributes();
    Digest digest = attributes.digest();
    byte[] path = attributes.path();
    byte[] wanted = path != null ? path : digest != null ? digest.objectPath() : null;
    if (wanted == null || (digest == null && verification != Verification.OFF)) {
      throw new ComposefsException(
          "the image has no digest of inode " + inode.nid() + ": its content cannot be verified");
    }
    String relative = requireBelow(wanted);
    byte[] name = FileName.encode(relative);
    for (Fd directory : directories) {
      int opened = Sys.openat(directory.number(), Sys.scratch().path(name), Abi.O_NOFOLLOW, 0);
      if (opened == -Errno.ENOENT) {
        continue;
      }
      if (opened < 0) {
        throw new ErrnoException(relative, -opened);
      }
      Fd object = new Fd(opened);
      try {
        if (new FdReader(object).size() != inode.size()) {
          throw new ComposefsException(relative + ": the object has another size than the file");
        }
        if (digest != null && verification != Verification.OFF) {
          check(object, digest, inode.size());
        }
        return object;
      } catch (IOException | RuntimeException e) {
        object.close();
        throw e;
      }
    }
    throw new MissingObjectException(relative, "any of the object directories");
  }

  /** {@return a path as text that cannot lead out of a directory} */
  private static String requireBelow(byte[] path) throws ComposefsException {
    String text = FileName.decode(path);
    for (String part : text.split("/", -1)) {
      if (part.isEmpty() || part.equals("..") || part.equals(".")) {
        throw new ComposefsException(
            "the image names an object by the path " + FileName.printable(path));
      }
    }
    return text;
  }

  private void check(Fd object, Digest digest, long size) throws IOException {
    if (KernelVerity.measure(object.number()).equals(Optional.of(digest))) {
      return;
    }
    String name = "object " + digest.hex();
    if (verification == Verification.KERNEL) {
      throw new ComposefsException(name + ": the kernel does not hold it to this digest");
    }
    try (VerifiedReader reader = verifier.open(new FdReader(object), digest, size, name)) {
      reader.check();
    }
  }

  /** Reads an open file, which stays open. */
  private record FdReader(Fd fd) implements ObjectReader {
    @Override
    public long size() throws IOException {
      MemorySegment struct = Sys.scratch().struct;
      int result = Sys.statx(fd.number(), Sys.scratch().path(new byte[0]), Abi.AT_EMPTY_PATH);
      if (result < 0) {
        throw new ErrnoException("object", -result);
      }
      return struct.get(ValueLayout.JAVA_LONG, 40);
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      MemorySegment data = Sys.scratch().data;
      int done = 0;
      while (done < length) {
        long part = Math.min(length - done, data.byteSize());
        long read = Sys.pread(fd.number(), data, part, position + done);
        if (read < 0) {
          throw new ErrnoException("object", (int) -read);
        }
        if (read == 0) {
          break;
        }
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, 0, into, offset + done, (int) read);
        done += (int) read;
      }
      return done;
    }

    @Override
    public void close() {
      // the descriptor is the caller's
    }
  }
}
