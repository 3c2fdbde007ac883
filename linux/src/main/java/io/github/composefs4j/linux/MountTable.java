package io.github.composefs4j.linux;

import io.github.composefs4j.core.tree.FileName;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The mounts that this process sees: {@code /proc/self/mountinfo}, proc_pid_mountinfo(5). */
public final class MountTable {
  private static final Path TABLE = Path.of("/proc/self/mountinfo");
  private static final String SEPARATOR = "-";
  private static final int FIELDS_BEFORE = 6;

  private final List<Entry> entries;

  private MountTable(List<Entry> entries) {
    this.entries = List.copyOf(entries);
  }

  /**
   * One mount.
   *
   * @param id of the mount, used again after it is gone
   * @param device {@code major:minor} of the file system
   * @param point where it is, by the rule of {@link FileName#decode}
   * @param options of the mount itself
   * @param type of the file system, with sub-type
   * @param source what was mounted, by the same rule
   * @param superOptions of the file system
   */
  public record Entry(
      int id,
      int parent,
      String device,
      String point,
      String options,
      String type,
      String source,
      String superOptions) {}

  /** {@return the mounts now} */
  public static MountTable read() throws IOException {
    return parse(FileName.decode(Files.readAllBytes(TABLE)));
  }

  static MountTable parse(String text) {
    List<Entry> entries = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      String[] fields = line.split(" ", -1);
      int separator = Arrays.asList(fields).indexOf(SEPARATOR);
      if (separator < FIELDS_BEFORE || fields.length < separator + 4) {
        continue;
      }
      entries.add(
          new Entry(
              Integer.parseInt(fields[0]),
              Integer.parseInt(fields[1]),
              fields[2],
              plain(fields[4]),
              fields[5],
              plain(fields[separator + 1]),
              plain(fields[separator + 2]),
              plain(fields[separator + 3])));
    }
    return new MountTable(entries);
  }

  /** Blanks and backslashes are written as three octal digits. */
  private static String plain(String field) {
    if (field.indexOf('\\') < 0) {
      return field;
    }
    byte[] bytes = FileName.encode(field);
    ByteArrayOutputStream plain = new ByteArrayOutputStream(bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\\' && i + 3 < bytes.length) {
        plain.write((bytes[i + 1] - '0') << 6 | (bytes[i + 2] - '0') << 3 | bytes[i + 3] - '0');
        i += 3;
      } else {
        plain.write(bytes[i]);
      }
    }
    return FileName.decode(plain.toByteArray());
  }

  /** {@return all mounts, in the order of the kernel: of one place, the last is the one seen} */
  public List<Entry> entries() {
    return entries;
  }

  /** {@return the mount that is seen at a place, or null if there is none} */
  public @Nullable Entry at(String point) {
    return entries.reversed().stream()
        .filter(entry -> entry.point.equals(point))
        .findFirst()
        .orElse(null);
  }

  /** {@return the mount with this id, or null if it is gone} */
  public @Nullable Entry byId(int id) {
    return entries.stream().filter(entry -> entry.id == id).findFirst().orElse(null);
  }
}
