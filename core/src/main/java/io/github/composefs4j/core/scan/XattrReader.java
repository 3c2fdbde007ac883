package io.github.composefs4j.core.scan;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.XattrSet;
import java.io.IOException;
import java.util.Arrays;

/**
 * Reads the extended attributes that a scan takes. For one thread. An object of its own, and no
 * function for each file: most files have none, and then one system call is all there is to do.
 */
final class XattrReader implements HostDirectory.XattrSink {
  private static final byte[] USER = FileName.encode("user.");

  private final ScanOptions.Xattrs taken;
  private final XattrSet.Interner interner;
  private final XattrSet.Builder builder = new XattrSet.Builder();

  /**
   * A reader.
   *
   * @param interner shared by all readers of a scan
   */
  XattrReader(ScanOptions.Xattrs taken, XattrSet.Interner interner) {
    this.taken = taken;
    this.interner = interner;
  }

  @Override
  public void accept(byte[] name, byte[] value) throws InvalidTreeException {
    boolean user =
        name.length >= USER.length && Arrays.equals(name, 0, USER.length, USER, 0, USER.length);
    if (user || taken == ScanOptions.Xattrs.ALL) {
      builder.set(name, value);
    }
  }

  /** {@return those of an open file} */
  XattrSet of(HostFile file) throws IOException {
    if (taken == ScanOptions.Xattrs.NONE) {
      return XattrSet.EMPTY;
    }
    builder.clear();
    file.xattrs(this);
    return interner.intern(builder.build());
  }

  /** {@return those of an open directory} */
  XattrSet of(HostDirectory directory) throws IOException {
    if (taken == ScanOptions.Xattrs.NONE) {
      return XattrSet.EMPTY;
    }
    builder.clear();
    directory.xattrs(this);
    return interner.intern(builder.build());
  }

  /** {@return those of an entry of any kind} */
  XattrSet of(HostDirectory directory, byte[] name) throws IOException {
    if (taken == ScanOptions.Xattrs.NONE) {
      return XattrSet.EMPTY;
    }
    builder.clear();
    directory.xattrs(name, this);
    return interner.intern(builder.build());
  }
}
