package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.tree.FileName;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;

/** The bytes of a path's last name; the text of some file systems does not keep them. */
public final class RawName {
  private RawName() {}

  public static byte[] of(Path path) {
    if (!path.getFileSystem().provider().getScheme().equals("file")) {
      return FileName.encode(path.getFileName().toString());
    }
    String raw = path.toUri().getRawPath();
    int end = raw.endsWith("/") ? raw.length() - 1 : raw.length();
    return decode(raw.substring(raw.lastIndexOf('/', end - 1) + 1, end));
  }

  private static byte[] decode(String raw) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < raw.length(); i++) {
      if (raw.charAt(i) == '%') {
        bytes.write(Integer.parseInt(raw.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        bytes.write(raw.charAt(i));
      }
    }
    return bytes.toByteArray();
  }
}
