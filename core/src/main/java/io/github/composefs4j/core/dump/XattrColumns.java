package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.errors.DumpFormatException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.XattrSet;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Reads the columns behind DIGEST (dump-format.md, section 7), with a memory of recent texts: many
 * are equal.
 */
final class XattrColumns {
  private static final int TEXT_MAX = 65535;
  private static final int REMEMBERED_BITS = 12;
  private static final int REMEMBERED = 1 << REMEMBERED_BITS;

  /** Longer texts are seldom repeated, and remembering them is dear. */
  private static final int REMEMBERED_TEXT_MAX = 1024;

  private static final long MIX = 0x9e3779b97f4a7c15L;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final XattrSet.Interner interner = new XattrSet.Interner();
  private final XattrSet.Builder builder = new XattrSet.Builder();
  private final byte[][] texts = new byte[REMEMBERED][];
  private final XattrSet[] sets = new XattrSet[REMEMBERED];

  XattrColumns() {
    Arrays.fill(texts, new byte[0]);
  }

  XattrSet read(DumpLine line) throws DumpFormatException {
    int start = line.start(DumpLine.XATTRS);
    int end = line.end(DumpLine.XATTRS);
    if (start == end) {
      return XattrSet.EMPTY;
    }
    byte[] bytes = line.bytes();
    if (end - start > TEXT_MAX) {
      throw line.error(DumpLine.XATTRS, "more than " + TEXT_MAX + " bytes of xattrs");
    }
    if (end - start > REMEMBERED_TEXT_MAX) {
      return interner.intern(parse(line, bytes, start, end));
    }
    int slot = slot(bytes, start, end);
    byte[] known = texts[slot];
    if (Arrays.equals(known, 0, known.length, bytes, start, end)) {
      return sets[slot];
    }
    XattrSet set = interner.intern(parse(line, bytes, start, end));
    texts[slot] = Arrays.copyOfRange(bytes, start, end);
    sets[slot] = set;
    return set;
  }

  private static int slot(byte[] bytes, int start, int end) {
    long hash = 0;
    int at = start;
    for (; at <= end - 8; at += 8) {
      hash = (hash ^ (long) LONG.get(bytes, at)) * MIX;
      hash ^= hash >>> 32;
    }
    for (; at < end; at++) {
      hash = (hash ^ bytes[at]) * MIX;
    }
    return (int) (hash >>> 64 - REMEMBERED_BITS);
  }

  private XattrSet parse(DumpLine line, byte[] bytes, int start, int end)
      throws DumpFormatException {
    builder.clear();
    int index = 0;
    for (int at = start; at < end; index++) {
      line.atXattr(index);
      int to = LineReader.find((byte) ' ', bytes, at, end);
      int equals = LineReader.find((byte) '=', bytes, at, to);
      if (equals == to) {
        throw line.error(DumpLine.XATTRS, "xattr without '='");
      }
      byte[] key = line.unescape(DumpLine.XATTRS, at, equals);
      byte[] value = line.unescape(DumpLine.XATTRS, equals + 1, to);
      try {
        builder.set(key, value);
      } catch (InvalidTreeException e) {
        throw line.error(DumpLine.XATTRS, e.getMessage());
      }
      at = to + 1;
    }
    line.atXattr(0);
    return builder.build();
  }
}
