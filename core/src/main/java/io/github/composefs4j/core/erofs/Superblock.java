package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.errors.CorruptImageException;
import io.github.composefs4j.core.errors.UnsupportedFormatException;
import java.io.IOException;
import java.util.zip.CRC32C;

/**
 * The composefs header and the EROFS superblock, checked (erofs-image.md 7.1, 7.2, 12.3).
 *
 * @param version of composefs images; V0 for others, where it has no meaning
 * @param xattrStart byte position that references to shared xattrs count from
 * @param metaStart byte position that nids count from
 * @param nameFilter whether the name filters of xattr bodies are filled in
 * @param prefixStart byte position of the long xattr prefixes
 * @param prefixNid inode that holds the long xattr prefixes, 0 if the image itself does
 */
record Superblock(
    FormatVersion version,
    boolean hasAcl,
    int blockBits,
    long rootNid,
    long inodes,
    long buildSeconds,
    int buildNanos,
    long metaStart,
    long xattrStart,
    boolean nameFilter,
    int prefixCount,
    long prefixStart,
    long prefixNid) {
  private static final int INCOMPAT_CHUNKED = 4;

  /**
   * Of EROFS: zero padding, big clusters (both matter to compressed files only), fragments, long
   * prefixes.
   */
  private static final int INCOMPAT_KNOWN = 0x1 | 0x2 | INCOMPAT_CHUNKED | 0x20 | 0x40;

  static Superblock read(ImageBytes bytes, ImageProfile profile) throws IOException {
    if (bytes.size() < Disk.SUPERBLOCK + Disk.SUPERBLOCK_SIZE) {
      throw new CorruptImageException(
          bytes.name(), 0, "a file of " + bytes.size() + " bytes is too short for an image");
    }
    FormatVersion version = FormatVersion.V0;
    boolean acl = true;
    if (profile == ImageProfile.COMPOSEFS) {
      if (bytes.i32(0) != Disk.COMPOSEFS_MAGIC) {
        throw new CorruptImageException(bytes.name(), 0, "no composefs image: wrong magic");
      }
      if (bytes.i32(Disk.HEADER_VERSION) != 1) {
        throw new UnsupportedFormatException(
            bytes.name(),
            "composefs header version " + Integer.toUnsignedString(bytes.i32(Disk.HEADER_VERSION)));
      }
      version = version(bytes);
      acl = (bytes.i32(Disk.HEADER_FLAGS) & Disk.FLAG_HAS_ACL) != 0;
    }
    if (bytes.i32(Disk.SUPERBLOCK) != Disk.EROFS_MAGIC) {
      throw new CorruptImageException(
          bytes.name(), Disk.SUPERBLOCK, "no EROFS superblock: wrong magic");
    }
    return new Reader(bytes, profile).read(version, acl);
  }

  private static FormatVersion version(ImageBytes bytes) throws IOException {
    int number = bytes.i32(Disk.HEADER_COMPOSEFS_VERSION);
    FormatVersion version = FormatVersion.of(number);
    if (version != null) {
      return version;
    }
    throw new UnsupportedFormatException(
        bytes.name(), "composefs version " + Integer.toUnsignedString(number));
  }

  private record Reader(ImageBytes bytes, ImageProfile profile) {
    Superblock read(FormatVersion version, boolean acl) throws IOException {
      boolean composefs = profile == ImageProfile.COMPOSEFS;
      int blockBits = u8(Disk.SB_BLKSZBITS);
      if (composefs ? blockBits != 12 : blockBits < 9 || blockBits > 16) {
        throw corrupt(Disk.SB_BLKSZBITS, "block size of 2^" + blockBits + " bytes");
      }
      features(composefs);
      if (u8(Disk.SB_DIRBLKBITS) != 0) {
        throw corrupt(Disk.SB_DIRBLKBITS, "directory blocks of another size");
      }
      if (u16(Disk.SB_EXTRA_DEVICES) != 0) {
        if (composefs) {
          throw corrupt(Disk.SB_EXTRA_DEVICES, "data on further devices");
        }
        throw new UnsupportedFormatException(bytes.name(), "data on further devices");
      }
      if (composefs) {
        mustBeZero(Disk.SB_EXTSLOTS, u8(Disk.SB_EXTSLOTS), "sb_extslots");
        mustBeZero(Disk.SB_AVAILABLE_COMPR_ALGS, u16(Disk.SB_AVAILABLE_COMPR_ALGS), "compression");
        mustBeZero(Disk.SB_PACKED_NID, i64(Disk.SB_PACKED_NID), "packed_nid");
        mustBeZero(
            Disk.SB_XATTR_PREFIX_COUNT, u8(Disk.SB_XATTR_PREFIX_COUNT), "xattr_prefix_count");
        mustBeZero(Disk.SB_META_BLKADDR, u32(Disk.SB_META_BLKADDR), "meta_blkaddr");
      }
      long blocks = u32(Disk.SB_BLOCKS);
      if (blocks << blockBits > bytes.size()) {
        throw corrupt(
            Disk.SB_BLOCKS, blocks + " blocks are more than the file's " + bytes.size() + " bytes");
      }
      long meta = u32(Disk.SB_META_BLKADDR) << blockBits;
      long xattr = u32(Disk.SB_XATTR_BLKADDR) << blockBits;
      if (meta >= bytes.size()) {
        throw corrupt(Disk.SB_META_BLKADDR, "inodes start outside of the image");
      }
      if (xattr >= bytes.size()) {
        throw corrupt(Disk.SB_XATTR_BLKADDR, "shared xattrs start outside of the image");
      }
      return new Superblock(
          version,
          acl,
          blockBits,
          u16(Disk.SB_ROOT_NID),
          i64(Disk.SB_INOS),
          i64(Disk.SB_BUILD_TIME),
          bytes.i32(Disk.SUPERBLOCK + Disk.SB_BUILD_TIME_NSEC),
          meta,
          xattr,
          (u32(Disk.SB_FEATURE_COMPAT) & Disk.COMPAT_XATTR_FILTER) != 0,
          u8(Disk.SB_XATTR_PREFIX_COUNT),
          u32(Disk.SB_XATTR_PREFIX_START) * 4,
          (u32(Disk.SB_FEATURE_COMPAT) & Disk.COMPAT_PLAIN_XATTR_PREFIXES) != 0
              ? 0
              : i64(Disk.SB_PACKED_NID));
    }

    private void features(boolean composefs) throws IOException {
      long compat = u32(Disk.SB_FEATURE_COMPAT);
      long incompat = u32(Disk.SB_FEATURE_INCOMPAT);
      long known = composefs ? INCOMPAT_CHUNKED : INCOMPAT_KNOWN;
      if ((incompat & ~known) != 0) {
        throw new UnsupportedFormatException(
            bytes.name(), "EROFS features 0x" + Long.toHexString(incompat & ~known));
      }
      if (composefs && (compat & ~7) != 0) {
        throw corrupt(Disk.SB_FEATURE_COMPAT, "features 0x" + Long.toHexString(compat));
      }
      if ((compat & Disk.COMPAT_SB_CHECKSUM) != 0) {
        checkSum();
      }
    }

    /**
     * CRC-32C of the superblock's block from byte 1024 on, without the final inversion, with the
     * field zero.
     */
    private void checkSum() throws IOException {
      int blockSize = 1 << u8(Disk.SB_BLKSZBITS);
      int end = blockSize > Disk.SUPERBLOCK ? blockSize : Disk.SUPERBLOCK + blockSize;
      byte[] block = bytes.copy(Disk.SUPERBLOCK, end - Disk.SUPERBLOCK);
      for (int i = 0; i < 4; i++) {
        block[Disk.SB_CHECKSUM + i] = 0;
      }
      CRC32C crc = new CRC32C();
      crc.update(block);
      if ((int) crc.getValue() != ~bytes.i32(Disk.SUPERBLOCK + Disk.SB_CHECKSUM)) {
        throw corrupt(Disk.SB_CHECKSUM, "wrong checksum of the superblock");
      }
    }

    private void mustBeZero(int field, long value, String what) throws CorruptImageException {
      if (value != 0) {
        throw corrupt(field, what + " is not zero");
      }
    }

    private CorruptImageException corrupt(int field, String reason) {
      return new CorruptImageException(bytes.name(), Disk.SUPERBLOCK + field, reason);
    }

    private int u8(int field) throws IOException {
      return bytes.u8(Disk.SUPERBLOCK + field);
    }

    private int u16(int field) throws IOException {
      return bytes.u16(Disk.SUPERBLOCK + field);
    }

    private long u32(int field) throws IOException {
      return bytes.u32(Disk.SUPERBLOCK + field);
    }

    private long i64(int field) throws IOException {
      return bytes.i64(Disk.SUPERBLOCK + field);
    }
  }
}
