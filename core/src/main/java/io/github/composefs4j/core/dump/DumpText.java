package io.github.composefs4j.core.dump;

import io.github.composefs4j.core.dump.TextOutput.Escape;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The columns of a dump line, in their order, whatever the inode comes from (dump-format.md 11.2).
 */
final class DumpText {
  private static final byte[] BARE_LINK = FileName.encode("0 @120000 - - - - 0.0 ");

  private final TextOutput out;

  DumpText(OutputStream out) {
    this.out = new TextOutput(out);
  }

  void path(byte[] path, int length) throws IOException {
    out.escaped(path, 0, length, Escape.PLAIN);
    out.put(' ');
  }

  void stat(
      long size,
      boolean link,
      int mode,
      int nlink,
      int uid,
      int gid,
      int rdev,
      long seconds,
      int nanos)
      throws IOException {
    out.number(size, 10);
    out.put(' ');
    if (link) {
      out.put('@');
    }
    out.number(mode, 8);
    out.put(' ');
    out.number(Integer.toUnsignedLong(nlink), 10);
    out.put(' ');
    out.number(Integer.toUnsignedLong(uid), 10);
    out.put(' ');
    out.number(Integer.toUnsignedLong(gid), 10);
    out.put(' ');
    out.number(Integer.toUnsignedLong(rdev), 10);
    out.put(' ');
    out.signed(seconds);
    out.put('.');
    out.number(Integer.toUnsignedLong(nanos), 10);
    out.put(' ');
  }

  void content(byte @Nullable [] payload, byte @Nullable [] content, @Nullable Digest digest)
      throws IOException {
    out.column(payload);
    out.put(' ');
    out.column(content);
    out.put(' ');
    if (digest == null) {
      out.put('-');
    } else {
      out.digest(digest);
    }
  }

  /** All that comes after the path of a further name whose columns are left out. */
  void bareLink(byte[] target) throws IOException {
    out.raw(BARE_LINK, 0, BARE_LINK.length);
    content(target, null, null);
    endLine();
  }

  void xattr(byte[] name, byte[] value) throws IOException {
    xattr(name, 0, name.length, value, 0, value.length);
  }

  void xattr(byte[] name, int nameAt, int nameLength, byte[] value, int valueAt, int valueLength)
      throws IOException {
    out.put(' ');
    out.escaped(name, nameAt, nameLength, Escape.XATTR);
    out.put('=');
    out.escaped(value, valueAt, valueLength, Escape.XATTR);
  }

  void endLine() throws IOException {
    out.put('\n');
  }

  void flush() throws IOException {
    out.flush();
  }
}
