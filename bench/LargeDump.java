import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/** Prints a dump of about as many inodes as the argument says: 16 external files a directory, one xattr each. */
final class LargeDump {
  public static void main(String[] args) throws Exception {
    int directories = Integer.parseInt(args[0]) / 17;
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    try (PrintStream out =
        new PrintStream(new BufferedOutputStream(System.out, 1 << 20), false, StandardCharsets.US_ASCII)) {
      out.print("/ 4096 40755 2 0 0 0 1700000000.0 - - -\n");
      int file = 0;
      for (int d = 0; d < directories; d++) {
        String top = "/d" + d / 250;
        if (d % 250 == 0) {
          out.print(top + " 4096 40755 2 0 0 0 " + (1700000000 + d) + ".0 - - -\n");
        }
        String directory = top + "/package-version-" + d + "-with-long-name";
        out.print(directory + " 4096 40755 2 0 0 0 " + (1700000000 + d) + ".123456789 - - - security.selinux=usr_t\n");
        for (int f = 0; f < 16; f++, file++) {
          String hex =
              HexFormat.of().formatHex(hash.digest(Integer.toString(file).getBytes(StandardCharsets.US_ASCII)));
          out.print(
              directory + "/library-file-" + f + "-some-longer-name-here.so.1.2.3 " + (65 + file) + " 100644 1 0 0 0 "
                  + (1700000000 + file % 99991) + "." + file + " " + hex.substring(0, 2) + "/" + hex.substring(2)
                  + " - " + hex + " security.selinux=system_u:object_r:lib_t:s0\\x00\n");
        }
      }
      if (out.checkError()) {
        throw new IOException("the dump was cut short");
      }
    }
  }
}
