package io.github.composefs4j.bench;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A dump like that of a large system: 16 external files a directory, one xattr each. */
public final class LargeDump {
  private static final int FILES = 16;
  private static final int DIRECTORIES = 250;

  /** Directories between the root and the packages, as a real system has them. */
  private static final String[] PREFIX = {
    "deployment-with-a-name-of-some-length", "usr-of-the-system", "lib-for-x86_64-linux-gnu", "share-of-all-the-packages-there-are"
  };

  private final OutputStream out;
  private final boolean distinct;
  private int left;

  private LargeDump(int inodes, boolean distinct, OutputStream out) {
    this.left = inodes;
    this.distinct = distinct;
    this.out = out;
  }

  /** Arguments: number of inodes, and {@code distinct} if no two files have equal xattrs. */
  public static void main(String[] args) throws IOException {
    try (OutputStream out = new BufferedOutputStream(System.out, 1 << 20)) {
      write(Integer.parseInt(args[0]), args.length > 1 && args[1].equals("distinct"), out);
    }
  }

  /** Writes a dump of exactly so many inodes. */
  static void write(int inodes, boolean distinct, OutputStream out) throws IOException {
    new LargeDump(inodes, distinct, out).write();
  }

  private void write() throws IOException {
    MessageDigest hash;
    try {
      hash = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    line("/", " 4096 40755 2 0 0 0 1700000000.0 - - -");
    String top = "";
    for (int directory = 0, file = 0; left > 0; directory++) {
      if (directory % DIRECTORIES == 0) {
        top = "/d" + directory / DIRECTORIES;
        line(top, directory(directory, 0));
        for (String below : PREFIX) {
          top += "/" + below;
          line(top, directory(directory, 0));
        }
      }
      String path = top + "/package-version-" + directory + "-with-long-name";
      line(path, directory(directory, 123456789) + " security.selinux=usr_t");
      for (int f = 0; f < FILES; f++, file++) {
        byte[] number = Integer.toString(file).getBytes(StandardCharsets.US_ASCII);
        String hex = HexFormat.of().formatHex(hash.digest(number));
        String label = distinct ? hex.substring(0, 28) : "system_u:object_r:lib_t:s0";
        line(
            path + "/library-file-" + f + "-some-longer-name-here.so.1.2.3",
            " %d 100644 1 0 0 0 %d.%d %s/%s - %s security.selinux=%s\\x00"
                .formatted(
                    65 + file,
                    1700000000 + file % 99991,
                    file,
                    hex.substring(0, 2),
                    hex.substring(2),
                    hex,
                    label));
      }
    }
  }

  private static String directory(int number, int nanos) {
    return " 4096 40755 2 0 0 0 " + (1700000000 + number) + "." + nanos + " - - -";
  }

  private void line(String path, String rest) throws IOException {
    if (left-- > 0) {
      out.write((path + rest + "\n").getBytes(StandardCharsets.US_ASCII));
    }
  }
}
