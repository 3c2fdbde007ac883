package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Symlink;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Last phase of writing: the bytes, from front to back (erofs-image.md 7). Decides nothing. */
final class ImageEmitter {
  private static final int BLOCK = ImageLayout.BLOCK;
  private static final int DIRENT = ImageLayout.DIRENT;

  /** Largest inode with xattr body and tail: 64 + 12 + 65535 * 4, and less than a block of tail. */
  private static final int INODE_MAX = 64 + 12 + 65535 * 4 + BLOCK;

  private static final int FLAT_PLAIN = 0;
  private static final int FLAT_INLINE = 2;
  private static final int CHUNK_BASED = 4;

  private final InodeTable table;
  private final XattrTable xattrs;
  private final ImageLayout layout;
  private final ImageOutput out;
  private final boolean v2;
  private final long referenceBase;
  private final ImageLayout.DataSize data = new ImageLayout.DataSize();

  /** The next data block, and the next directory by number. */
  private long block;

  private int directory;

  private ImageEmitter(ImageLayout layout, ImageOutput out) {
    this.table = layout.table;
    this.xattrs = layout.xattrs;
    this.layout = layout;
    this.out = out;
    this.v2 = table.version == FormatVersion.V2;
    this.referenceBase = v2 ? layout.inodesEnd() : layout.inodesEnd() % BLOCK;
    this.block = layout.dataStart() / BLOCK;
  }

  static void emit(ImageLayout layout, ImageOutput out) throws IOException {
    ImageEmitter emitter = new ImageEmitter(layout, out);
    emitter.header();
    emitter.inodes();
    emitter.sharedXattrs();
    emitter.dataBlocks();
    out.flush();
    if (out.position() != layout.blocks() * BLOCK) {
      throw new IllegalStateException("wrote " + out.position() + " bytes");
    }
  }

  private void header() throws IOException {
    int at = out.reserve(ImageLayout.INODES_START);
    byte[] b = out.buffer();
    Disk.putInt(b, at, Disk.COMPOSEFS_MAGIC);
    Disk.putInt(b, at + Disk.HEADER_VERSION, 1);
    Disk.putInt(b, at + Disk.HEADER_FLAGS, !v2 && xattrs.hasAcl() ? 1 : 0);
    Disk.putInt(b, at + Disk.HEADER_COMPOSEFS_VERSION, table.version.number());
    int sb = at + Disk.SUPERBLOCK;
    Disk.putInt(b, sb, Disk.EROFS_MAGIC);
    Disk.putInt(b, sb + Disk.SB_FEATURE_COMPAT, Disk.COMPAT_MTIME | Disk.COMPAT_XATTR_FILTER);
    b[sb + Disk.SB_BLKSZBITS] = 12;
    Disk.putShort(b, sb + Disk.SB_ROOT_NID, layout.nids[0]);
    Disk.putLong(b, sb + Disk.SB_INOS, layout.nids.length);
    if (!v2) {
      Disk.putLong(b, sb + Disk.SB_BUILD_TIME, layout.minSeconds());
      Disk.putInt(b, sb + Disk.SB_BUILD_TIME_NSEC, layout.minNanos());
      Disk.putInt(b, sb + Disk.SB_XATTR_BLKADDR, (int) (layout.inodesEnd() / BLOCK));
    }
    Disk.putInt(b, sb + Disk.SB_BLOCKS, (int) layout.blocks());
    out.advanceTo(at + ImageLayout.INODES_START);
  }

  private void inodes() throws IOException {
    for (int i = 0; i < table.inodes.length; i++) {
      inode(i);
    }
    out.padTo(layout.inodesEnd());
  }

  private void inode(int number) throws IOException {
    Inode inode = table.inodes[number];
    out.padTo(layout.position(number));
    layout.measure(number, data);
    boolean compact = layout.isCompact(number, data);
    int headerSize = compact ? ImageLayout.COMPACT : ImageLayout.EXTENDED;
    int body = xattrs.bodySize(number);
    long size = storedSize(inode, data);
    layout.finalSize(number, headerSize + body, data);
    int at = out.reserve(INODE_MAX);
    byte[] b = out.buffer();
    inodeHeader(b, at, number, compact, body, size, data, block);
    int end = xattrs.writeBody(number, b, at + headerSize, referenceBase);
    if (data.tail > 0) {
      end = tail(b, end, inode, number, directory, data);
    }
    out.advanceTo(end);
    block += data.blocks;
    directory += inode instanceof Directory ? 1 : 0;
  }

  private long storedSize(Inode inode, ImageLayout.DataSize data) {
    if (inode instanceof RegularFile file) {
      return file.size();
    }
    if (inode instanceof Directory) {
      return data.blocks * BLOCK + data.tail;
    }
    return inode instanceof Symlink symlink ? symlink.target().length : 0;
  }

  private void inodeHeader(
      byte[] b,
      int at,
      int number,
      boolean compact,
      int body,
      long size,
      ImageLayout.DataSize data,
      long block) {
    Inode inode = table.inodes[number];
    boolean external = ImageLayout.isExternal(inode);
    int dataLayout = external ? CHUNK_BASED : data.tail > 0 ? FLAT_INLINE : FLAT_PLAIN;
    int icount = body == 0 ? 0 : (body - XattrList.BODY_HEADER) / 4 + 1;
    int mode =
        table.isEscapedWhiteout(inode)
            ? inode.mode() & ~Inode.S_IFMT | Inode.S_IFREG
            : inode.mode();
    int u = data.blocks > 0 ? (int) block : 0;
    if (external) {
      u = u & 0xffff0000 | layout.chunkFormat(size);
    } else if (inode instanceof Device device) {
      u = device.rdev();
    }
    int inodeNumber = v2 ? layout.nids[number] : number;
    int nlink = table.nlink(inode);
    Disk.putShort(b, at, dataLayout << 1 | (compact ? 0 : 1));
    Disk.putShort(b, at + Disk.I_XATTR_ICOUNT, icount);
    Disk.putShort(b, at + Disk.I_MODE, mode);
    Disk.putInt(b, at + Disk.I_U, u);
    Disk.putInt(b, at + Disk.I_INO, inodeNumber);
    if (compact) {
      Disk.putShort(b, at + Disk.COMPACT_NLINK, nlink);
      Disk.putInt(b, at + Disk.I_SIZE, (int) size);
      Disk.putShort(b, at + Disk.COMPACT_UID, inode.uid());
      Disk.putShort(b, at + Disk.COMPACT_GID, inode.gid());
    } else {
      Disk.putLong(b, at + Disk.I_SIZE, size);
      Disk.putInt(b, at + Disk.EXTENDED_UID, inode.uid());
      Disk.putInt(b, at + Disk.EXTENDED_GID, inode.gid());
      Disk.putLong(b, at + Disk.EXTENDED_MTIME, inode.mtimeSeconds());
      Disk.putInt(b, at + Disk.EXTENDED_MTIME_NSEC, v2 ? 0 : inode.mtimeNanos());
      Disk.putInt(b, at + Disk.EXTENDED_NLINK, nlink);
    }
  }

  private int tail(
      byte[] b, int at, Inode inode, int number, int directory, ImageLayout.DataSize data)
      throws InvalidTreeException {
    if (inode instanceof RegularFile file) {
      byte[] inline = file.inlineBytes();
      if (inline == null) {
        Arrays.fill(b, at, at + data.tail, (byte) 0xff);
      } else {
        System.arraycopy(inline, inline.length - data.tail, b, at, data.tail);
      }
    } else if (inode instanceof Directory node) {
      new Dirents(node, number, directory).tail(b, at);
    } else if (inode instanceof Symlink symlink) {
      System.arraycopy(symlink.target(), 0, b, at, data.tail);
    } else {
      throw new IllegalStateException("no other inode has a tail");
    }
    return at + data.tail;
  }

  private void sharedXattrs() throws IOException {
    for (Xattr xattr : xattrs.shared()) {
      int at = out.reserve(xattr.entrySize());
      out.advanceTo(xattr.writeEntry(out.buffer(), at));
    }
    out.padTo(layout.dataStart());
  }

  private void dataBlocks() throws IOException {
    directory = 0;
    for (int i = 0; i < table.inodes.length; i++) {
      dataBlocks(i);
    }
  }

  private void dataBlocks(int number) throws IOException {
    Inode inode = table.inodes[number];
    if (inode instanceof Directory node) {
      new Dirents(node, number, directory++).blocks();
      return;
    }
    if (!(inode instanceof Symlink) && !(inode instanceof RegularFile)) {
      return;
    }
    layout.measure(number, data);
    if (data.blocks == 0 && data.tail == 0) {
      return;
    }
    int head =
        (layout.isCompact(number, data) ? ImageLayout.COMPACT : ImageLayout.EXTENDED)
            + xattrs.bodySize(number);
    layout.finalSize(number, head, data);
    if (data.blocks > 0) {
      fileBlocks(inode, (int) data.blocks * BLOCK);
    }
  }

  private void fileBlocks(Inode inode, int size) throws IOException {
    int at = out.reserve(size);
    byte[] content = inode instanceof Symlink symlink ? symlink.target() : inlineBytes(inode);
    if (content == null) {
      Arrays.fill(out.buffer(), at, at + size, (byte) 0xff);
    } else {
      System.arraycopy(content, 0, out.buffer(), at, Math.min(size, content.length));
    }
    out.advanceTo(at + size);
  }

  private static byte @Nullable [] inlineBytes(Inode inode) {
    return ((RegularFile) inode).inlineBytes();
  }

  /** Writes the blocks of one directory (7.4). */
  private final class Dirents {
    private final Directory node;
    private final int number;
    private final int directory;
    private final DirentOrder order;

    Dirents(Directory node, int number, int directory) {
      this.node = node;
      this.number = number;
      this.directory = directory;
      this.order = new DirentOrder(node);
    }

    /** Writes the whole blocks; the last one only if it is not the tail. */
    void blocks() throws IOException {
      for (int from = 0; from < order.size(); ) {
        int to = blockEnd(from);
        if (to == order.size() && used(from, to) <= BLOCK / 2) {
          return;
        }
        int at = out.reserve(BLOCK);
        block(out.buffer(), at, from, to);
        out.advanceTo(at + BLOCK);
        from = to;
      }
    }

    /** Writes the entries that lie behind the inode. */
    void tail(byte[] b, int at) {
      int from = 0;
      for (int to = blockEnd(from); to < order.size(); to = blockEnd(from)) {
        from = to;
      }
      block(b, at, from, order.size());
    }

    private int blockEnd(int from) {
      int used = 0;
      int to = from;
      while (to < order.size()) {
        used += DIRENT + order.name(to).length;
        if (used > BLOCK) {
          break;
        }
        to++;
      }
      return to;
    }

    private int used(int from, int to) {
      int used = 0;
      for (int i = from; i < to; i++) {
        used += DIRENT + order.name(i).length;
      }
      return used;
    }

    private void block(byte[] b, int at, int from, int to) {
      int nameOffset = DIRENT * (to - from);
      int entry = at;
      for (int i = from; i < to; i++, entry += DIRENT) {
        int target;
        int type;
        if (order.isDot(i)) {
          target = number;
          type = Disk.FT_DIRECTORY;
        } else if (order.isDotDot(i)) {
          target = table.parents[directory];
          type = Disk.FT_DIRECTORY;
        } else {
          int child = order.child(i);
          target = table.targets[table.firstTarget[directory] + child];
          type = fileType(node.child(child));
        }
        byte[] name = order.name(i);
        Disk.putLong(b, entry, Integer.toUnsignedLong(layout.nids[target]));
        Disk.putShort(b, entry + Disk.DIRENT_NAMEOFF, nameOffset);
        b[entry + Disk.DIRENT_FILE_TYPE] = (byte) type;
        System.arraycopy(name, 0, b, at + nameOffset, name.length);
        nameOffset += name.length;
      }
    }

    private int fileType(Inode inode) {
      return table.isEscapedWhiteout(inode) ? Disk.FT_REGULAR : Disk.fileType(inode.typeBits());
    }
  }
}
