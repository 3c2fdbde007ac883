package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.tree.FileName;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Something in a repository that is not as it must be (repository.md, section 11.1).
 *
 * @param type which rule
 * @param path of what is wrong, below the repository
 * @param refName the name of a reference in a stream, or null
 * @param objectId the object concerned, in hex, or null
 * @param detail more, or null
 */
public record Finding(
    FindingType type,
    String path,
    @Nullable String refName,
    @Nullable String objectId,
    @Nullable String detail) {
  static Finding of(FindingType type, String path) {
    return new Finding(type, path, null, null, null);
  }

  static Finding of(FindingType type, String path, @Nullable String detail) {
    return new Finding(type, path, null, null, detail);
  }

  /** A finding with the message of an exception, one line. */
  static Finding of(FindingType type, String path, Exception e) {
    String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    return new Finding(type, path, null, null, message);
  }

  /** {@return one line: {@code fsck: TYPE: PATH…}} */
  public String text() {
    StringBuilder text = new StringBuilder("fsck: ").append(type.label());
    text.append(": ").append(printable(path));
    if (refName != null) {
      text.append(": ref ").append(printable(refName));
    }
    if (objectId != null) {
      text.append(": ").append(objectId);
    }
    if (detail != null) {
      text.append(": ").append(printable(detail));
    }
    return text.toString();
  }

  /** {@return the members of this as structured output has them, {@code type} first} */
  public Map<String, String> members() {
    Map<String, String> members = new LinkedHashMap<>();
    members.put("type", type.label());
    members.put("path", path);
    if (refName != null) {
      members.put("refName", refName);
    }
    if (objectId != null) {
      members.put("objectId", objectId);
    }
    if (detail != null) {
      String measured = "measured ";
      if (type == FindingType.OBJECT_DIGEST_MISMATCH && detail.startsWith(measured)) {
        members.put("measured", detail.substring(measured.length()));
      } else {
        members.put("detail", detail);
      }
    }
    return members;
  }

  private static String printable(String text) {
    return FileName.printable(FileName.encode(text));
  }
}
