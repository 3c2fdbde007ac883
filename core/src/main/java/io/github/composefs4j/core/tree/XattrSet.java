package io.github.composefs4j.core.tree;

import io.github.composefs4j.core.errors.InvalidTreeException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The extended attributes of an inode: full names to values, sorted by the names' unsigned bytes.
 * Immutable.
 *
 * <p>Kept as one array, since a large tree has as many sets as files in the worst case. {@link
 * Cursor} walks it without copying.
 */
public final class XattrSet {
  /** No attributes. */
  public static final XattrSet EMPTY = new XattrSet(new byte[0], 0);

  /** Bytes before the name in the encoding: name length (1), value length (2, little-endian). */
  private static final int HEADER = 3;

  /**
   * Cost of one attribute beside its bytes, and of the first one in addition (erofs-image.md 5.1).
   */
  private static final int ENTRY_COST = 7;

  private static final int FIRST_COST = 12;

  /** Entry after entry: name length, value length, name, value. */
  private final byte[] encoded;

  private final int count;
  private final int hash;

  private XattrSet(byte[] encoded, int count) {
    this.encoded = encoded;
    this.count = count;
    this.hash = (int) (NameIndex.hash(encoded) >>> 32);
  }

  /** {@return the number of attributes} */
  public int size() {
    return count;
  }

  /** {@return true if there are no attributes} */
  public boolean isEmpty() {
    return count == 0;
  }

  /**
   * {@return a copy of the value of the attribute with this full name, or null if there is none}
   */
  public byte @Nullable [] get(byte[] name) {
    Cursor cursor = cursor();
    while (cursor.next()) {
      if (cursor.nameEquals(name)) {
        return cursor.value();
      }
    }
    return null;
  }

  /** {@return a walk over the attributes in name order, placed before the first} */
  public Cursor cursor() {
    return new Cursor(encoded);
  }

  /** A walk over a set; for one thread. */
  public static final class Cursor {
    private final byte[] encoded;
    private int nameOffset;
    private int nameLength;
    private int valueLength;
    private int end;

    private Cursor(byte[] encoded) {
      this.encoded = encoded;
    }

    /** {@return true if it moved to the next attribute, false at the end} */
    public boolean next() {
      if (end == encoded.length) {
        return false;
      }
      nameOffset = end + HEADER;
      nameLength = encoded[end] & 0xff;
      valueLength = encoded[end + 1] & 0xff | (encoded[end + 2] & 0xff) << 8;
      end = nameOffset + nameLength + valueLength;
      return true;
    }

    /** {@return the array that holds names and values, not to be changed} */
    public byte[] array() {
      return encoded;
    }

    /** {@return where the current full name starts in {@link #array}} */
    public int nameOffset() {
      return nameOffset;
    }

    /** {@return the length of the current full name} */
    public int nameLength() {
      return nameLength;
    }

    /** {@return where the current value starts in {@link #array}} */
    public int valueOffset() {
      return nameOffset + nameLength;
    }

    /** {@return the length of the current value} */
    public int valueLength() {
      return valueLength;
    }

    /** {@return a copy of the current full name} */
    public byte[] name() {
      return Arrays.copyOfRange(encoded, nameOffset, nameOffset + nameLength);
    }

    /** {@return a copy of the current value} */
    public byte[] value() {
      return Arrays.copyOfRange(encoded, valueOffset(), end);
    }

    /** {@return true if the current full name is this} */
    public boolean nameEquals(byte[] name) {
      return Arrays.equals(encoded, nameOffset, nameOffset + nameLength, name, 0, name.length);
    }

    /** {@return true if the current full name starts with this} */
    public boolean nameStartsWith(byte[] prefix) {
      return nameLength >= prefix.length
          && Arrays.equals(
              encoded, nameOffset, nameOffset + prefix.length, prefix, 0, prefix.length);
    }
  }

  /** Collects attributes in any order and holds them to the limits; reusable, for one thread. */
  public static final class Builder {
    private final int budget;
    private byte[] buffer = new byte[256];
    private int length;
    private int count;
    private boolean sorted = true;
    private int lastEntry = -1;

    /** A builder without attributes that holds to {@link Limits#XATTR_BUDGET}. */
    public Builder() {
      this(Limits.XATTR_BUDGET);
    }

    /** A builder without attributes that holds to this sum of costs. */
    public Builder(int budget) {
      this.budget = budget;
    }

    /** Forgets all attributes. */
    public Builder clear() {
      length = 0;
      count = 0;
      sorted = true;
      lastEntry = -1;
      return this;
    }

    /** Sets an attribute, replacing one of the same name. See the other form. */
    public Builder set(byte[] name, byte[] value) throws InvalidTreeException {
      return set(name, 0, name.length, value, 0, value.length);
    }

    /**
     * Sets an attribute, replacing one of the same name.
     *
     * @throws InvalidTreeException if the name is not 1 to {@link Limits#XATTR_NAME_MAX} bytes
     *     without NUL, or the sum of all costs exceeds the budget
     */
    public Builder set(
        byte[] name, int nameOffset, int nameLength, byte[] value, int valueOffset, int valueLength)
        throws InvalidTreeException {
      if (nameLength < 1 || nameLength > Limits.XATTR_NAME_MAX) {
        throw new InvalidTreeException(
            "an xattr name has 1 to " + Limits.XATTR_NAME_MAX + " bytes, not " + nameLength);
      }
      for (int i = 0; i < nameLength; i++) {
        if (name[nameOffset + i] == 0) {
          throw new InvalidTreeException("an xattr name holds a NUL");
        }
      }
      place(name, nameOffset, nameLength);
      // Every entry costs HEADER bytes in the buffer where the format counts ENTRY_COST.
      long cost =
          FIRST_COST
              + length
              + (long) count * (ENTRY_COST - HEADER)
              + ENTRY_COST
              + nameLength
              + valueLength;
      if (cost > budget) {
        throw new InvalidTreeException("xattrs of " + cost + " bytes exceed " + budget);
      }
      int needed = length + HEADER + nameLength + valueLength;
      if (needed > buffer.length) {
        buffer = Arrays.copyOf(buffer, Math.max(needed, 2 * buffer.length));
      }
      lastEntry = length;
      buffer[length] = (byte) nameLength;
      buffer[length + 1] = (byte) valueLength;
      buffer[length + 2] = (byte) (valueLength >> 8);
      System.arraycopy(name, nameOffset, buffer, length + HEADER, nameLength);
      System.arraycopy(value, valueOffset, buffer, length + HEADER + nameLength, valueLength);
      length = needed;
      count++;
      return this;
    }

    /** Removes an attribute of this name, and notes whether the new last one keeps the order. */
    private void place(byte[] name, int nameOffset, int nameLength) {
      if (count == 0) {
        return;
      }
      int order =
          Arrays.compareUnsigned(
              buffer,
              lastEntry + HEADER,
              lastEntry + HEADER + (buffer[lastEntry] & 0xff),
              name,
              nameOffset,
              nameOffset + nameLength);
      if (order < 0 && sorted) {
        return;
      }
      sorted = false;
      for (int at = 0, previous = -1; at < length; previous = at, at = entryEnd(buffer, at)) {
        if (Arrays.equals(
            buffer,
            at + HEADER,
            at + HEADER + (buffer[at] & 0xff),
            name,
            nameOffset,
            nameOffset + nameLength)) {
          int end = entryEnd(buffer, at);
          System.arraycopy(buffer, end, buffer, at, length - end);
          length -= end - at;
          count--;
          if (at == length) {
            lastEntry = previous;
          }
          return;
        }
      }
    }

    /** {@return the attributes set so far} */
    public XattrSet build() {
      if (count == 0) {
        return EMPTY;
      }
      return new XattrSet(sorted ? Arrays.copyOf(buffer, length) : sortedCopy(), count);
    }

    private byte[] sortedCopy() {
      Integer[] entries = new Integer[count];
      for (int i = 0, at = 0; i < count; i++, at = entryEnd(buffer, at)) {
        entries[i] = at;
      }
      Arrays.sort(
          entries,
          (a, b) ->
              Arrays.compareUnsigned(
                  buffer,
                  a + HEADER,
                  a + HEADER + (buffer[a] & 0xff),
                  buffer,
                  b + HEADER,
                  b + HEADER + (buffer[b] & 0xff)));
      byte[] result = new byte[length];
      int to = 0;
      for (int entry : entries) {
        int size = entryEnd(buffer, entry) - entry;
        System.arraycopy(buffer, entry, result, to, size);
        to += size;
      }
      return result;
    }

    private static int entryEnd(byte[] buffer, int at) {
      return at
          + HEADER
          + (buffer[at] & 0xff)
          + (buffer[at + 1] & 0xff | (buffer[at + 2] & 0xff) << 8);
    }
  }

  /** Makes equal sets one object. Thread-safe; one per tree. */
  public static final class Interner {
    private XattrSet[] table = new XattrSet[64];
    private int used;

    /** An interner that knows only the empty set. */
    public Interner() {}

    /** {@return the first set given that is equal to this one} */
    public XattrSet intern(XattrSet set) {
      return set.isEmpty() ? EMPTY : first(set);
    }

    private synchronized XattrSet first(XattrSet set) {
      int mask = table.length - 1;
      int slot = spread(set.hash) & mask;
      while (table[slot] != null) {
        if (table[slot].equals(set)) {
          return table[slot];
        }
        slot = slot + 1 & mask;
      }
      table[slot] = set;
      if (++used > table.length / 2) {
        grow();
      }
      return set;
    }

    private void grow() {
      XattrSet[] old = table;
      table = new XattrSet[2 * old.length];
      int mask = table.length - 1;
      for (XattrSet set : old) {
        if (set != null) {
          int slot = spread(set.hash) & mask;
          while (table[slot] != null) {
            slot = slot + 1 & mask;
          }
          table[slot] = set;
        }
      }
    }

    private static int spread(int hash) {
      int h = hash * 0x9e3779b9;
      return h ^ h >>> 15;
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || other instanceof XattrSet that
            && hash == that.hash
            && Arrays.equals(encoded, that.encoded);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  /** {@return names and values for people} */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("{");
    for (Cursor c = cursor(); c.next(); ) {
      text.append(text.length() > 1 ? ", " : "")
          .append(FileName.printable(c.name()))
          .append('=')
          .append(FileName.printable(c.value()));
    }
    return text.append('}').toString();
  }
}
