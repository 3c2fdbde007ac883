package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.DigestMismatchException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of an image at any position. Thread-safe.
 *
 * <p>A file is read in pages, of which a bounded number is kept: memory stays small whatever the
 * image's size, and a file that is cut short under us is an exception, not a fault of the process
 * as with a mapping. All reads are checked against the size.
 */
public final class ImageBytes implements Closeable {
  private static final int PAGE_BITS = 16;
  private static final int PAGE = 1 << PAGE_BITS;

  /** Images up to this size are copied into memory when their digest is to hold. */
  private static final long COPIED_MAX = 1L << 30;

  /** 32 MiB of pages. A depth-first walk needs a few a level. */
  private static final int PAGES_KEPT = 512;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final String name;
  private final long size;

  /** All pages, if they are in memory; else those that are come and go in {@link #pages}. */
  private final byte @Nullable [][] all;

  /** Null if all pages are there. */
  private final @Nullable ObjectReader reader;

  private final AtomicReferenceArray<byte[]> pages;
  private final int pagesKept;
  private final ArrayDeque<Integer> resident = new ArrayDeque<>();

  private ImageBytes(String name, long size, ObjectReader reader, int pagesKept) {
    this.pagesKept = pagesKept;
    this.name = name;
    this.size = size;
    this.all = null;
    this.reader = reader;
    this.pages = new AtomicReferenceArray<>(pages(size));
  }

  private ImageBytes(String name, long size, byte[][] all) {
    this.pagesKept = 0;
    this.name = name;
    this.size = size;
    this.all = all;
    this.reader = null;
    this.pages = new AtomicReferenceArray<>(0);
  }

  /**
   * Opens an image file. The size is that of this moment.
   *
   * @throws CorruptImageException if it is larger than 2^47 bytes, which no image is
   */
  public static ImageBytes open(Path file, String name) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    return of(ObjectReader.of(channel), name);
  }

  /**
   * {@return the bytes that a reader reads, in pages} It is closed with them, and if this fails.
   *
   * @throws CorruptImageException if there are more than 2^47 bytes, which no image has
   */
  public static ImageBytes of(ObjectReader reader, String name) throws IOException {
    return of(reader, name, PAGES_KEPT);
  }

  /**
   * {@return as the other form}
   *
   * @param pagesKept how many pages of 64 KiB are kept: few where many images are walked once
   */
  public static ImageBytes of(ObjectReader reader, String name, int pagesKept) throws IOException {
    try {
      long size = reader.size();
      if (size >>> PAGE_BITS >= Integer.MAX_VALUE - 8) {
        throw new CorruptImageException(name, 0, "a file of " + size + " bytes is no image");
      }
      return new ImageBytes(name, size, reader, Math.max(1, pagesKept));
    } catch (IOException | RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  private static int pages(long size) {
    return (int) ((size + PAGE - 1) >>> PAGE_BITS);
  }

  /**
   * {@return the bytes of a reader, held to a digest (see {@link Verifier})} Unless the kernel does
   * it, a file of up to 1 GiB becomes a private copy, hashed as it is read; of a larger one, each
   * page is checked when it is read. The reader is closed when it is no longer needed, and if this
   * fails.
   *
   * @throws DigestMismatchException if the content is another
   */
  public static ImageBytes verified(
      Verifier verifier, ObjectReader reader, Digest digest, String name) throws IOException {
    return verified(verifier, reader, digest, name, COPIED_MAX);
  }

  static ImageBytes verified(
      Verifier verifier, ObjectReader reader, Digest digest, String name, long copiedMax)
      throws IOException {
    VerifiedReader verified = verifier.open(reader, digest, name);
    try {
      if (verified.isKernelVerified() || reader.size() > copiedMax) {
        return of(verified, name);
      }
    } catch (IOException | RuntimeException e) {
      verified.close();
      throw e;
    }
    try (verified) {
      byte[][] pages = new byte[pages(reader.size())][];
      long size =
          verified.copyTo((position, from, count) -> {
            for (int done = 0; done < count; done += PAGE) {
              byte[] page = new byte[PAGE];
              System.arraycopy(from, done, page, 0, Math.min(PAGE, count - done));
              pages[(int) (position + done >>> PAGE_BITS)] = page;
            }
          });
      return new ImageBytes(name, size, pages);
    }
  }

  /**
   * {@return a private copy of the bytes of a reader, which is closed} What happens to the file
   * afterwards cannot be seen; of one larger than 1 GiB, pages are read when they are needed.
   */
  public static ImageBytes copied(ObjectReader reader, String name) throws IOException {
    ImageBytes whole = of(reader, name);
    if (whole.size > COPIED_MAX) {
      return whole;
    }
    try (reader) {
      byte[][] pages = new byte[pages(whole.size)][];
      for (int i = 0; i < pages.length; i++) {
        pages[i] = whole.read(i);
      }
      return new ImageBytes(name, whole.size, pages);
    }
  }

  /** {@return an image that lies in memory; the array is copied} */
  public static ImageBytes of(byte[] bytes, String name) {
    byte[][] pages = new byte[pages(bytes.length)][PAGE];
    for (int i = 0; i < pages.length; i++) {
      int from = i << PAGE_BITS;
      System.arraycopy(bytes, from, pages[i], 0, Math.min(PAGE, bytes.length - from));
    }
    return new ImageBytes(name, bytes.length, pages);
  }

  /** {@return what messages call the image} */
  public String name() {
    return name;
  }

  /** {@return the size in bytes} */
  public long size() {
    return size;
  }

  /** Throws unless {@code length} bytes from {@code at} are inside. */
  void require(long at, long length, String what) throws CorruptImageException {
    if (at < 0 || length < 0 || at > size - length) {
      throw outside(at, length, what);
    }
  }

  /** The same for something of an inode; the message is made only if it is needed. */
  void require(long at, long length, String whatOf, long nid) throws CorruptImageException {
    if (at < 0 || length < 0 || at > size - length) {
      throw outside(at, length, whatOf + nid);
    }
  }

  private CorruptImageException outside(long at, long length, String what) {
    return new CorruptImageException(
        name, at, what + " of " + Long.toUnsignedString(length) + " bytes is outside of the image");
  }

  int u8(long at) throws IOException {
    require(at, 1, "a byte");
    return page(at)[(int) at & PAGE - 1] & 0xff;
  }

  int u16(long at) throws IOException {
    int in = (int) at & PAGE - 1;
    if (in > PAGE - 2) {
      return u8(at) | u8(at + 1) << 8;
    }
    require(at, 2, "a field");
    return Short.toUnsignedInt((short) SHORT.get(page(at), in));
  }

  int i32(long at) throws IOException {
    int in = (int) at & PAGE - 1;
    if (in > PAGE - 4) {
      return u16(at) | u16(at + 2) << 16;
    }
    require(at, 4, "a field");
    return (int) INT.get(page(at), in);
  }

  long u32(long at) throws IOException {
    return Integer.toUnsignedLong(i32(at));
  }

  long i64(long at) throws IOException {
    int in = (int) at & PAGE - 1;
    if (in > PAGE - 8) {
      return u32(at) | u32(at + 4) << 32;
    }
    require(at, 8, "a field");
    return (long) LONG.get(page(at), in);
  }

  /** Copies bytes out. */
  void copy(long at, byte[] into, int offset, int length) throws IOException {
    require(at, length, "a range");
    long from = at;
    int to = offset;
    int left = length;
    while (left > 0) {
      int in = (int) from & PAGE - 1;
      int part = Math.min(left, PAGE - in);
      System.arraycopy(page(from), in, into, to, part);
      from += part;
      to += part;
      left -= part;
    }
  }

  byte[] copy(long at, int length) throws IOException {
    require(at, length, "a range");
    byte[] bytes = new byte[length];
    copy(at, bytes, 0, length);
    return bytes;
  }

  /** Copies integers out: cheaper than each by itself, above all before this is compiled. */
  void copy(long at, long[] into, int count) throws IOException {
    require(at, (long) count * Long.BYTES, "a range");
    int in = (int) at & PAGE - 1;
    if (in > PAGE - count * Long.BYTES) {
      for (int i = 0; i < count; i++) {
        into[i] = i64(at + (long) i * Long.BYTES);
      }
      return;
    }
    byte[] page = page(at);
    for (int i = 0; i < count; i++) {
      into[i] = (long) LONG.get(page, in + i * Long.BYTES);
    }
  }

  private byte[] page(long at) throws IOException {
    int index = (int) (at >>> PAGE_BITS);
    if (all != null) {
      return all[index];
    }
    byte[] page = pages.getAcquire(index);
    return page != null ? page : load(index);
  }

  /**
   * Pages are published whole; who holds one that is dropped meanwhile still holds the right bytes.
   */
  private synchronized byte[] load(int index) throws IOException {
    byte[] known = pages.get(index);
    if (known != null) {
      return known;
    }
    byte[] page = read(index);
    if (resident.size() == pagesKept) {
      pages.set(resident.remove(), null);
    }
    resident.add(index);
    pages.setRelease(index, page);
    return page;
  }

  private byte[] read(int index) throws IOException {
    if (reader == null) {
      throw new IllegalStateException("an image in memory has all its pages");
    }
    long start = (long) index << PAGE_BITS;
    byte[] page = new byte[PAGE];
    int length = (int) Math.min(PAGE, size - start);
    int read;
    try {
      read = reader.read(start, page, 0, length);
    } catch (ComposefsException | ClosedChannelException e) {
      throw e;
    } catch (IOException e) { // of a channel, which does not know its name
      throw new ComposefsException(name + ": " + e.getMessage(), e);
    }
    if (read < length) {
      throw new CorruptImageException(
          name, start + read, "the file was cut short while it was read");
    }
    return page;
  }

  @Override
  public void close() throws IOException {
    if (reader != null) {
      reader.close();
    }
  }
}
