package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.DirentCursor;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.erofs.XattrCursor;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.linux.sys.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Answers requests: a request in, an errno or the body of a reply out (fuse-and-mount.md 5 to 8).
 * Knows no device. For one thread.
 *
 * <p>Whatever a request holds, it is answered or ignored; nothing is thrown.
 */
public final class RequestHandler {
  /** The request has no reply. */
  public static final int NO_REPLY = Integer.MIN_VALUE;

  private static final int BODY = FuseAbi.IN_HEADER;
  private static final byte[] ACL_ACCESS = FileName.encode("system.posix_acl_access");
  private static final byte[] ACL_DEFAULT = FileName.encode("system.posix_acl_default");

  // Directory positions: 0 before ".", 1 before "..", 2 the first entry, 2 + n a cursor's position.
  private static final long BEFORE_ENTRIES = 2;

  private static final int MAX_BACKGROUND = 64;
  private static final int MAX_WRITE = 4096;
  private static final int PAGE = 4096;

  /** A file that is read in one piece stays in the page cache: its object is not kept open. */
  private static final int READ_ONCE = 1 << 17;

  /** Entries that no lookup has asked for so far show how a directory is read. */
  private static final int BARE_AT_FIRST = 256;

  /** One entry in so many is looked up at least where attributes are of use. */
  private static final int LOOKED_UP = 4;

  private final FuseSession session;
  private final ImageFiles files;
  private byte[] buffer = new byte[1 << 16];
  private final long[] longs = new long[FuseAbi.ENTRY_OUT / Long.BYTES];

  /** Requests by operation; written by this thread alone, read by any, exact when it rests. */
  final long[] counts = new long[FuseAbi.OPERATIONS];

  long bytesRead;

  /** Entries that were listed without attributes. */
  private long bare;

  RequestHandler(FuseSession session) {
    this.session = session;
    this.files = session.files;
  }

  /**
   * Answers a request.
   *
   * @param request header and body, little-endian; its first {@code length} bytes are used
   * @return the length of the body written to {@code out}, a negative errno, or {@link #NO_REPLY}
   */
  public int handle(ByteBuffer request, int length, ReplyBuffer out) {
    if (length < FuseAbi.IN_HEADER || request.getInt(FuseAbi.IN_LEN) != length) {
      return length < FuseAbi.IN_HEADER ? NO_REPLY : -Errno.EINVAL;
    }
    int operation = request.getInt(FuseAbi.IN_OPCODE);
    if (operation > 0 && operation < FuseAbi.OPERATIONS) {
      counts[operation]++;
    }
    long nodeId = request.getLong(FuseAbi.IN_NODEID);
    try {
      return dispatch(operation, nodeId, new Body(request, length), out);
    } catch (IOException e) {
      session.failed("operation " + operation, nodeId, e);
      return -Errno.EIO;
    } catch (OutOfMemoryError e) {
      session.failed("operation " + operation, nodeId, e);
      return -Errno.ENOMEM;
    } catch (Throwable e) {
      // A thread that ends here would leave the mount hanging.
      session.failed("operation " + operation, nodeId, e);
      return -Errno.EIO;
    }
  }

  /** The body of a request, its bounds checked. */
  private record Body(ByteBuffer request, int length) {
    boolean has(int bytes) {
      return length - BODY >= bytes;
    }

    int i32(int at) {
      return request.getInt(BODY + at);
    }

    long i64(int at) {
      return request.getLong(BODY + at);
    }

    /** {@return the NUL-terminated name at {@code at}, or null if there is none} */
    byte @Nullable [] name(int at) {
      int end = BODY + at;
      while (end < length && request.get(end) != 0) {
        end++;
      }
      int size = end - BODY - at;
      if (end >= length || size <= 0) {
        return null;
      }
      byte[] name = new byte[size];
      request.get(BODY + at, name);
      return name;
    }
  }

  private int dispatch(int operation, long nodeId, Body body, ReplyBuffer out) throws IOException {
    return switch (operation) {
      case FuseAbi.LOOKUP -> lookup(nodeId, body, out);
      case FuseAbi.FORGET, FuseAbi.BATCH_FORGET, FuseAbi.INTERRUPT -> NO_REPLY;
      case FuseAbi.GETATTR -> getattr(nodeId, out);
      case FuseAbi.READLINK -> readlink(nodeId, out);
      case FuseAbi.OPEN -> open(nodeId, body, out);
      case FuseAbi.OPENDIR -> opendir(out);
      case FuseAbi.RELEASE -> release(nodeId, body);
      case FuseAbi.RELEASEDIR, FuseAbi.DESTROY -> 0;
      case FuseAbi.READ -> read(nodeId, body, out);
      case FuseAbi.READDIR -> readdir(nodeId, body, out, false);
      case FuseAbi.READDIRPLUS -> readdir(nodeId, body, out, true);
      case FuseAbi.GETXATTR -> getxattr(nodeId, body, out);
      case FuseAbi.LISTXATTR -> listxattr(nodeId, body, out);
      case FuseAbi.STATFS -> {
        files.putStatfs(out.room(FuseAbi.STATFS_OUT));
        yield FuseAbi.STATFS_OUT;
      }
      case FuseAbi.INIT -> init(body, out);
      case FuseAbi.IOCTL -> -Errno.ENOTTY;
      default -> -Errno.ENOSYS;
    };
  }

  private int init(Body body, ReplyBuffer out) {
    if (!body.has(FuseAbi.INIT_IN_MIN)) {
      return -Errno.EINVAL;
    }
    int major = body.i32(0);
    int minor = body.i32(4);
    ByteBuffer reply = out.room(FuseAbi.INIT_OUT);
    ImageFiles.clear(reply, 0, FuseAbi.INIT_OUT);
    reply.putInt(0, FuseAbi.MAJOR);
    reply.putInt(4, Math.min(minor, FuseAbi.MINOR));
    if (major > FuseAbi.MAJOR) {
      return FuseAbi.INIT_OUT; // the kernel asks again, with our major
    }
    if (major < FuseAbi.MAJOR || minor < FuseAbi.MINOR_MIN) {
      session.disagreed();
      return -Errno.EPROTO;
    }
    long offered = Integer.toUnsignedLong(body.i32(12));
    if ((offered & FuseAbi.INIT_EXT) != 0 && body.has(FuseAbi.INIT_IN_FLAGS2 + 4)) {
      offered |= Integer.toUnsignedLong(body.i32(FuseAbi.INIT_IN_FLAGS2)) << 32;
    }
    long agreed = offered & wanted();
    reply.putInt(8, body.i32(8));
    reply.putInt(12, (int) agreed);
    reply.putShort(16, (short) MAX_BACKGROUND);
    reply.putShort(18, (short) (MAX_BACKGROUND * 3 / 4));
    reply.putInt(20, MAX_WRITE);
    reply.putInt(24, 1);
    int most = session.uring ? FuseSession.BODY_MAX : FuseSession.DEVICE_BODY_MAX;
    reply.putShort(28, (short) (most / PAGE));
    reply.putInt(32, (int) (agreed >>> 32));
    reply.putInt(36, (agreed & FuseAbi.PASSTHROUGH) != 0 ? 1 : 0);
    session.agreed(Math.min(minor, FuseAbi.MINOR), agreed);
    return FuseAbi.INIT_OUT;
  }

  private long wanted() {
    long wanted =
        FuseAbi.ASYNC_READ
            | FuseAbi.DO_READDIRPLUS
            | FuseAbi.NO_OPENDIR_SUPPORT
            | FuseAbi.PARALLEL_DIROPS
            | FuseAbi.ABORT_ERROR
            | FuseAbi.MAX_PAGES
            | FuseAbi.CACHE_SYMLINKS
            | FuseAbi.EXPLICIT_INVAL_DATA
            | FuseAbi.INIT_EXT
            | FuseAbi.NO_EXPORT_SUPPORT
            | FuseAbi.ALLOW_IDMAP;
    if (session.servesContent()) {
      wanted |= FuseAbi.NO_OPEN_SUPPORT;
    }
    if (session.options.backing() != null) {
      wanted |= FuseAbi.PASSTHROUGH;
    }
    if (session.uring) {
      wanted |= FuseAbi.OVER_IO_URING;
    }
    return files.image().hasAcl() ? wanted | FuseAbi.POSIX_ACL : wanted;
  }

  private int lookup(long nodeId, Body body, ReplyBuffer out) throws IOException {
    byte[] name = body.name(0);
    ImageInode directory = files.inode(nodeId);
    if (name == null || !directory.isDirectory()) {
      return name == null ? -Errno.EINVAL : -Errno.ENOTDIR;
    }
    ImageInode child = directory.lookup(name);
    if (child == null || ImageFiles.isHidden(child)) {
      ImageFiles.negativeEntryOut(longs);
    } else {
      files.entryOut(child, longs);
    }
    return putLongs(FuseAbi.ENTRY_OUT, out);
  }

  private int getattr(long nodeId, ReplyBuffer out) throws IOException {
    files.attrOut(files.inode(nodeId), longs);
    return putLongs(FuseAbi.ATTR_OUT, out);
  }

  private int putLongs(int bytes, ReplyBuffer out) {
    out.room(bytes).asLongBuffer().put(0, longs, 0, bytes / Long.BYTES);
    return bytes;
  }

  private int readlink(long nodeId, ReplyBuffer out) throws IOException {
    ImageInode inode = files.inode(nodeId);
    if (!inode.isSymlink()) {
      return -Errno.EINVAL;
    }
    return put(inode.target(), out);
  }

  private static int put(byte[] bytes, ReplyBuffer out) {
    out.room(bytes.length).put(0, bytes);
    return bytes.length;
  }

  private int opendir(ReplyBuffer out) {
    if (session.has(FuseAbi.NO_OPENDIR_SUPPORT)) {
      return -Errno.ENOSYS; // never asked again; listings are kept
    }
    return putOpen(out, FuseAbi.FOPEN_KEEP_CACHE | FuseAbi.FOPEN_CACHE_DIR, 0);
  }

  private static int putOpen(ReplyBuffer out, int flags, int backingId) {
    ByteBuffer reply = out.room(FuseAbi.OPEN_OUT);
    // The handle tells at release whether the kernel reads the object itself.
    reply.putLong(0, backingId);
    reply.putInt(8, flags);
    reply.putInt(12, backingId);
    return FuseAbi.OPEN_OUT;
  }

  private int open(long nodeId, Body body, ReplyBuffer out) throws IOException {
    if (!body.has(FuseAbi.OPEN_IN)) {
      return -Errno.EINVAL;
    }
    if ((body.i32(0) & FuseAbi.O_ACCMODE) != 0) {
      return -Errno.EROFS;
    }
    if (session.has(FuseAbi.NO_OPEN_SUPPORT)) {
      return -Errno.ENOSYS; // never asked again; pages are kept
    }
    int flags = FuseAbi.FOPEN_KEEP_CACHE | FuseAbi.FOPEN_NOFLUSH;
    ImageInode inode = files.inode(nodeId);
    if (!inode.isExternal() || session.objects != null) {
      return putOpen(out, flags, 0);
    }
    BackingFiles backing = session.options.backing();
    if (backing == null) {
      // An overlay that did not see what this file is must not read zeros. It also opens files to
      // ask for their flags when it copies them up, and takes this error, not EIO, for "none".
      return -Errno.EINVAL;
    }
    int id = backing.open(inode);
    return putOpen(out, FuseAbi.FOPEN_PASSTHROUGH | FuseAbi.FOPEN_NOFLUSH, id);
  }

  private int release(long nodeId, Body body) throws IOException {
    BackingFiles backing = session.options.backing();
    if (backing != null && body.has(8) && body.i64(0) != 0) {
      backing.close(files.inode(nodeId));
    }
    return 0;
  }

  private int read(long nodeId, Body body, ReplyBuffer out) throws IOException {
    if (!body.has(FuseAbi.READ_IN)) {
      return -Errno.EINVAL;
    }
    long position = body.i64(FuseAbi.READ_OFFSET);
    int size = size(body);
    if (position < 0) {
      return -Errno.EINVAL;
    }
    OpenObjects objects = session.objects;
    if (objects != null) {
      try (OpenObjects.Entry known = objects.useKnown(nodeId)) {
        if (known != null) {
          return readObject(known.reader(), known.inode(), position, size, out);
        }
      }
    }
    ImageInode inode = files.inode(nodeId);
    if (objects == null || !inode.isExternal()) {
      return readInline(inode, position, size, out);
    }
    if (position == 0 && inode.size() <= Math.min(size, READ_ONCE)) {
      try (ObjectReader reader = objects.open(inode)) {
        return readObject(reader, inode, position, size, out);
      }
    }
    try (OpenObjects.Entry object = objects.use(nodeId, inode)) {
      return readObject(object.reader(), inode, position, size, out);
    }
  }

  private static int size(Body body) {
    int size = body.i32(FuseAbi.READ_SIZE);
    return size < 0 || size > FuseSession.BODY_MAX ? FuseSession.BODY_MAX : size;
  }

  private int readInline(ImageInode inode, long position, int size, ReplyBuffer out)
      throws IOException {
    if (!inode.isRegular()) {
      return inode.isDirectory() ? -Errno.EISDIR : -Errno.EINVAL;
    }
    if (inode.isExternal()) {
      return -Errno.EIO;
    }
    int wanted = (int) Math.min(size, Math.max(0, inode.size() - position));
    room(wanted);
    int done = 0;
    while (done < wanted) {
      done += inode.read(position + done, buffer, done, wanted - done);
    }
    return putContent(wanted, out);
  }

  /**
   * A reply that is short means the end of the file, so it is all that was asked for or an error.
   */
  private int readObject(
      ObjectReader reader, ImageInode inode, long position, int size, ReplyBuffer out)
      throws IOException {
    int wanted = (int) Math.min(size, Math.max(0, inode.size() - position));
    room(wanted);
    int done = 0;
    while (done < wanted) {
      int read = reader.read(position + done, buffer, done, wanted - done);
      if (read <= 0) {
        throw new IOException(
            "the object ends at " + (position + done) + ", the file at " + inode.size());
      }
      done += read;
    }
    return putContent(wanted, out);
  }

  private void room(int size) {
    if (buffer.length < size) {
      buffer = new byte[size];
    }
  }

  private int putContent(int length, ReplyBuffer out) {
    out.room(length).put(0, buffer, 0, length);
    bytesRead += length;
    return length;
  }

  private int readdir(long nodeId, Body body, ReplyBuffer out, boolean plus) throws IOException {
    if (!body.has(FuseAbi.READ_IN)) {
      return -Errno.EINVAL;
    }
    ImageInode directory = files.inode(nodeId);
    if (!directory.isDirectory()) {
      return -Errno.ENOTDIR;
    }
    int size = size(body);
    DirectoryReply reply = new DirectoryReply(files, out.room(size), size, plus);
    long position = body.i64(FuseAbi.READ_OFFSET);
    if (position < 0) {
      return 0;
    }
    if (position == 0 && !reply.addDot(directory.nid(), 1, 1)) {
      return reply.length();
    }
    if (position <= 1 && !reply.addDot(directory.parentNid(), 2, BEFORE_ENTRIES)) {
      return reply.length();
    }
    boolean attributes = plus && (position == 0 || areWanted());
    DirentCursor entries = directory.entries(Math.max(0, position - BEFORE_ENTRIES));
    while (entries.next()) {
      if (!reply.add(entries, attributes, BEFORE_ENTRIES + entries.position())) {
        break;
      }
      bare += attributes ? 0 : 1;
    }
    return reply.length();
  }

  /**
   * {@return whether the attributes of entries are likely to be asked for} The kernel asks for them
   * in the first part of a directory, as we give them; and further on if some were looked up
   * already. But most programs list all of a directory before they look at any entry: whether they
   * do, or want names alone, shows at the directories before.
   */
  private boolean areWanted() {
    return counts[FuseAbi.LOOKUP] * LOOKED_UP > bare + BARE_AT_FIRST;
  }

  private int getxattr(long nodeId, Body body, ReplyBuffer out) throws IOException {
    byte[] name = body.name(FuseAbi.GETXATTR_IN);
    if (name == null) {
      return -Errno.EINVAL;
    }
    if (session.withoutXattrs()) {
      return -Errno.ENOSYS;
    }
    if (!session.has(FuseAbi.POSIX_ACL)
        && (Arrays.equals(name, ACL_ACCESS) || Arrays.equals(name, ACL_DEFAULT))) {
      return -Errno.EOPNOTSUPP;
    }
    byte[] stored = session.options.dialect().stored(name);
    XattrCursor xattrs = files.inode(nodeId).xattrs();
    if (stored == null || !xattrs.find(stored)) {
      session.missed();
      return -Errno.ENODATA;
    }
    return putSized(xattrs.value(), body.i32(0), out);
  }

  private int listxattr(long nodeId, Body body, ReplyBuffer out) throws IOException {
    if (!body.has(FuseAbi.GETXATTR_IN)) {
      return -Errno.EINVAL;
    }
    if (session.withoutXattrs()) {
      return -Errno.ENOSYS;
    }
    XattrCursor xattrs = files.inode(nodeId).xattrs();
    int length = 0;
    while (xattrs.next()) {
      byte[] name = session.options.dialect().shown(xattrs);
      if (name != null) {
        if (buffer.length < length + name.length + 1) {
          buffer = Arrays.copyOf(buffer, 2 * buffer.length);
        }
        System.arraycopy(name, 0, buffer, length, name.length);
        length += name.length + 1;
        buffer[length - 1] = 0;
      }
    }
    if (length == 0) {
      session.missed();
    }
    return putSized(Arrays.copyOf(buffer, length), body.i32(0), out);
  }

  /** A value, or how long it is if the caller has no room yet. */
  private static int putSized(byte[] value, int room, ReplyBuffer out) {
    if (room == 0) {
      ByteBuffer reply = out.room(8);
      reply.putInt(0, value.length);
      reply.putInt(4, 0);
      return 8;
    }
    return Integer.compareUnsigned(room, value.length) < 0 ? -Errno.ERANGE : put(value, out);
  }
}
