package io.github.composefs4j.fuse.protocol;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.erofs.XattrCursor;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One mounted image: what all threads that serve it share. Thread-safe. Closing it closes the open
 * objects, not the image.
 */
public final class FuseSession implements Closeable {
  /** Most bytes of a reply's body. */
  public static final int BODY_MAX = 1 << 20;

  /**
   * Most bytes of a request over the device: of a longer read there are several, which all threads
   * serve at once. A ring has one thread, which finds others to help with large pieces.
   */
  static final int DEVICE_BODY_MAX = 1 << 17;

  private static final int OPEN_OBJECTS = 512;

  /** After so many failures the log says no more, so that a reader of bad files cannot fill it. */
  private static final int FAILURES_LOGGED = 100;

  /** After so many requests for xattrs that are not there it pays to see whether there is any. */
  private static final int MISSES_BEFORE_SCAN = 32;

  /**
   * How an image is served.
   *
   * @param dialect under which names xattrs appear
   * @param content of object-backed files, or null if it is not served: reading fails
   * @param backing objects that the kernel reads itself, or null; instead of {@code content}
   * @param uring whether requests may come over io_uring
   */
  public record Options(
      XattrDialect dialect,
      @Nullable ContentSource content,
      @Nullable BackingFiles backing,
      boolean uring) {}

  final ImageFiles files;
  final Options options;
  final @Nullable OpenObjects objects;

  /** What the kernel and this agreed on. */
  volatile long flags;

  private final AtomicInteger failures = new AtomicInteger();
  private final AtomicInteger misses = new AtomicInteger();
  private final AtomicLong failureCount = new AtomicLong();
  private final List<RequestHandler> handlers = new CopyOnWriteArrayList<>();
  private volatile boolean withoutXattrs;
  private volatile boolean closed;
  volatile boolean uring;
  private volatile int protocolMinor;
  private final CountDownLatch asked = new CountDownLatch(1);

  /** A session for an image that stays open longer than it. */
  public FuseSession(ErofsImage image, Options options) {
    this.files = new ImageFiles(image);
    this.options = options;
    ContentSource content = options.content();
    this.objects = content == null ? null : new OpenObjects(content, OPEN_OBJECTS);
  }

  /** {@return a handler for one thread} */
  public RequestHandler handler() {
    RequestHandler handler = new RequestHandler(this);
    handlers.add(handler);
    return handler;
  }

  /**
   * Waits until the kernel has asked for the terms.
   *
   * @return whether it did in time, and took them
   */
  public boolean awaitReady(Duration time) throws InterruptedException {
    return asked.await(time.toNanos(), TimeUnit.NANOSECONDS) && protocolMinor > 0;
  }

  /** {@return whether requests may come over io_uring} */
  public boolean mayUseUring() {
    return options.uring();
  }

  /** Tells that requests can come over io_uring; before the kernel asks for the terms. */
  public void offerUring() {
    uring = true;
  }

  /** {@return whether the kernel will send requests over io_uring, and waits until it can} */
  public boolean usesUring() {
    return has(FuseAbi.OVER_IO_URING);
  }

  /** {@return whether the kernel can read objects itself} */
  public boolean offersPassthrough() {
    return (flags & FuseAbi.PASSTHROUGH) != 0;
  }

  /**
   * {@return the minor version of the protocol that is spoken; 0 before it is known, -1 if there is
   * none}
   */
  public int protocolMinor() {
    return protocolMinor;
  }

  void agreed(int minor, long agreedFlags) {
    flags = agreedFlags;
    protocolMinor = minor;
    asked.countDown();
  }

  void disagreed() {
    protocolMinor = -1;
    asked.countDown();
  }

  boolean has(long flag) {
    return (flags & flag) != 0;
  }

  /** {@return whether reading object-backed files is a request, and so opening them none} */
  public boolean servesContent() {
    return options.content() != null;
  }

  /** {@return the number of requests answered so far} */
  public long requests() {
    long sum = 0;
    for (RequestHandler handler : handlers) {
      for (int i = 0; i < FuseAbi.OPERATIONS; i++) {
        sum += handler.counts[i];
      }
    }
    return sum;
  }

  /**
   * {@return the number of requests of one operation, {@code enum fuse_opcode}, answered so far}
   */
  public long requests(int operation) {
    long sum = 0;
    for (RequestHandler handler : handlers) {
      sum += handler.counts[operation];
    }
    return sum;
  }

  /** {@return the number of bytes of file content handed out} */
  public long bytesRead() {
    long sum = 0;
    for (RequestHandler handler : handlers) {
      sum += handler.bytesRead;
    }
    return sum;
  }

  /** {@return how many requests failed because image or object could not be read} */
  public long failures() {
    return failureCount.get();
  }

  /** {@return how many objects are open now} */
  public int openObjects() {
    return objects == null ? 0 : objects.size();
  }

  void failed(String operation, long nodeId, Throwable e) {
    failureCount.incrementAndGet();
    int number = failures.incrementAndGet();
    if (number <= FAILURES_LOGGED) {
      logger()
          .log(
              System.Logger.Level.WARNING,
              () -> "%s of node %d: %s".formatted(operation, nodeId, e.getMessage()),
              e instanceof IOException ? null : e);
    }
    if (number == FAILURES_LOGGED) {
      logger().log(System.Logger.Level.WARNING, "further failures of this mount are not logged");
    }
  }

  /** {@return whether it is known that no inode has an xattr to be seen} */
  boolean withoutXattrs() {
    return withoutXattrs;
  }

  /**
   * Notes that an xattr was not there. The kernel asks for some at every file, again and again; one
   * answer ends that, but holds for the whole mount. So a thread looks, once, whether any inode has
   * one: mounting must not wait for that.
   */
  void missed() {
    if (misses.get() < MISSES_BEFORE_SCAN && misses.incrementAndGet() == MISSES_BEFORE_SCAN) {
      Thread.ofPlatform().daemon().name("composefs xattrs").start(this::scanXattrs);
    }
  }

  private void scanXattrs() {
    try {
      ImageWalk walk = new ImageWalk(files.image());
      while (walk.next()) {
        if (closed) {
          return;
        }
        XattrCursor xattrs = walk.inode().xattrs();
        while (xattrs.next()) {
          if (options.dialect().shown(xattrs) != null) {
            return;
          }
        }
      }
      withoutXattrs = true;
    } catch (IOException | RuntimeException e) {
      // A damaged image: requests meet the same and tell. Nothing is switched off.
    }
  }

  /**
   * {@return the logger of this module} Sought when there is something to say: the search for a
   * program's loggers opens every jar, which a mount would wait for.
   */
  public static System.Logger logger() {
    return System.getLogger("io.github.composefs4j.fuse");
  }

  @Override
  public void close() {
    closed = true;
    if (objects != null) {
      objects.close();
    }
  }
}
