package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import java.io.IOException;
import java.util.Arrays;

/**
 * Copies of chunks of an object that were checked when they were made, so that reading them again
 * hashes nothing: a page cache of this process's own. Thread-safe.
 */
final class PrivateCopies {
  /** Bytes of a chunk: what a small read in sequence makes ready for the next ones. */
  static final int CHUNK = 1 << 16;

  private static final byte[] NONE = {};

  private final Verifier verifier;
  private final VerifiedReader reader;

  /** Where the last read ended; a wrong value costs time only. */
  private volatile long lastEnd;

  PrivateCopies(Verifier verifier, VerifiedReader reader) {
    this.verifier = verifier;
    this.reader = reader;
  }

  boolean isOn() {
    return verifier.options.dataBytes() >= 2 * CHUNK;
  }

  /** A larger object would push its own beginning out before that is read again. */
  private boolean isWorthKeeping(MerkleTree tree) {
    return tree.size() <= verifier.options.dataBytes() / 2;
  }

  /** {@return the copy of a chunk, empty if there is none} */
  private byte[] known(long chunk) {
    byte[] copy = verifier.data.get(reader.digest(), 0, chunk);
    return copy == null ? NONE : copy;
  }

  /** Keeps the chunks of an object that lie wholly in a range that was checked. */
  void keep(MerkleTree tree, long position, byte[] from, int offset, int length) {
    if (!isOn() || !isWorthKeeping(tree)) {
      return;
    }
    long end = position + length;
    for (long start = (position + CHUNK - 1) / CHUNK * CHUNK; start < end; start += CHUNK) {
      long stop = Math.min(start + CHUNK, tree.size());
      if (stop <= end) {
        int at = offset + (int) (start - position);
        put(start / CHUNK, Arrays.copyOfRange(from, at, at + (int) (stop - start)));
      }
    }
  }

  private void put(long chunk, byte[] copy) {
    verifier.data.put(reader.digest(), 0, chunk, copy, copy.length);
  }

  void read(MerkleTree tree, long position, byte[] into, int offset, int length)
      throws IOException {
    boolean ahead = position == lastEnd || isWorthKeeping(tree);
    long end = position + length;
    lastEnd = end;
    for (long at = position; at < end; ) {
      long chunk = at / CHUNK;
      byte[] copy = known(chunk);
      int to = offset + (int) (at - position);
      if (copy.length == 0) {
        long stop = (chunk + 1) * CHUNK;
        while (stop < end && known(stop / CHUNK).length == 0) {
          stop += CHUNK;
        }
        int run = (int) (Math.min(stop, end) - at);
        if (run >= CHUNK || !ahead) {
          reader.readChecked(tree, at, into, to, run);
          keep(tree, at, into, to, run);
          at += run;
          continue;
        }
        copy = load(tree, chunk);
        if (copy.length == 0) {
          reader.readChecked(tree, at, into, to, run);
          at += run;
          continue;
        }
      }
      int from = (int) (at - chunk * CHUNK);
      int part = (int) Math.min(copy.length - from, end - at);
      System.arraycopy(copy, from, into, to, part);
      at += part;
    }
  }

  /** {@return a chunk, or nothing if a block in it is wrong: it may be one that nobody wants} */
  private byte[] load(MerkleTree tree, long chunk) throws IOException {
    long start = chunk * CHUNK;
    byte[] copy = new byte[(int) Math.min(CHUNK, tree.size() - start)];
    try {
      reader.readChecked(tree, start, copy, 0, copy.length);
    } catch (DigestMismatchException e) {
      return NONE;
    }
    put(chunk, copy);
    return copy;
  }
}
