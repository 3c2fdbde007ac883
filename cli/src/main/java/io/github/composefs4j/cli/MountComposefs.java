package io.github.composefs4j.cli;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.linux.KernelMount;
import io.github.composefs4j.linux.MountOptions;
import io.github.composefs4j.linux.MountOptions.Verity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code mount.composefs}: mounts an image by the kernel; the helper of {@code mount -t composefs}
 * (13.4).
 */
final class MountComposefs implements Command {
  static final List<GetOpt.Option> OPTIONS =
      List.of(
          new GetOpt.Option("t", "TYPE", "must be composefs"),
          new GetOpt.Option("o", "OPTIONS", "mount options, separated by commas"),
          new GetOpt.Option("v", null, "accepted for mount(8)"),
          new GetOpt.Option("n", null, "accepted for mount(8)"),
          new GetOpt.Option("s", null, "accepted for mount(8)"),
          new GetOpt.Option("f", null, "check everything but mount nothing"),
          new GetOpt.Option("N", "NAMESPACE", "accepted for mount(8)"),
          new GetOpt.Option("h", null, "print usage"));

  private final List<Path> basedirs = new ArrayList<>();
  private String mountOptions = "";
  private boolean fake;
  private boolean help;
  private @Nullable Digest digest;
  private Verity verity = Verity.OFF;
  private @Nullable Path upper;
  private @Nullable Path work;
  private @Nullable Path idmap;
  private boolean readOnly;
  private int attributes;
  private boolean loop;
  private boolean old;

  @Override
  public String usage() {
    return "mount.composefs [-t type] [-o opt[,opts..]] IMAGE MOUNTPOINT";
  }

  @Override
  public List<GetOpt.Option> options() {
    return OPTIONS;
  }

  private void option(String name, String value) throws UsageException {
    switch (name) {
      case "t" -> {
        if (!value.equals("composefs")) {
          throw new UsageException("unsupported file system type '" + value + "'");
        }
      }
      case "o" -> mountOptions = value;
      case "f" -> fake = true;
      case "h" -> help = true;
      default -> {}
    }
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    List<String> operands = GetOpt.parse(OPTIONS, args, false, this::option);
    if (help) {
      console.err().println("usage: " + usage());
      return 0;
    }
    if (operands.size() < 2) {
      throw new UsageException(
          (operands.isEmpty() ? "no source path" : "no mount path") + "; usage: " + usage());
    }
    parseMountOptions();
    if (basedirs.isEmpty()) {
      throw new UsageException("no object directories; usage: " + usage());
    }
    if ((upper == null) != (work == null)) {
      throw new UsageException("upperdir and workdir go together");
    }
    MountOptions options =
        new MountOptions(
            Arguments.path(operands.getFirst()),
            basedirs,
            digest,
            verity,
            upper,
            work,
            readOnly,
            idmap,
            attributes,
            loop,
            old);
    if (!fake) {
      KernelMount.mount(options, Arguments.path(operands.get(1)));
    }
    return 0;
  }

  private void parseMountOptions() throws UsageException {
    StringBuilder current = new StringBuilder();
    for (int i = 0; i <= mountOptions.length(); i++) {
      char c = i == mountOptions.length() ? ',' : mountOptions.charAt(i);
      if (c == '\\' && i < mountOptions.length()) {
        if (++i < mountOptions.length()) {
          current.append(mountOptions.charAt(i));
        }
      } else if (c == ',') {
        if (!mountOptions.isEmpty()) {
          mountOption(current.toString());
        }
        current.setLength(0);
      } else {
        current.append(c);
      }
    }
  }

  private void mountOption(String text) throws UsageException {
    int equals = text.indexOf('=');
    String key = equals < 0 ? text : text.substring(0, equals);
    String value = equals < 0 ? null : text.substring(equals + 1);
    switch (key) {
      case "basedir" -> {
        basedirs.clear();
        for (String directory : required(key, value).split(":", -1)) {
          if (directory.isEmpty()) {
            throw new UsageException("an empty directory in basedir");
          }
          basedirs.add(Arguments.path(directory));
        }
      }
      case "digest" -> {
        try {
          digest = Digest.parse(required(key, value));
        } catch (IllegalArgumentException e) {
          throw new UsageException("digest is not 64 or 128 hex digits");
        }
        verity = Verity.REQUIRE;
      }
      case "verity" -> verity = Verity.REQUIRE;
      case "tryverity" -> verity = verity == Verity.REQUIRE ? verity : Verity.TRY;
      case "upperdir" -> upper = Arguments.path(required(key, value));
      case "workdir" -> work = Arguments.path(required(key, value));
      case "idmap" -> idmap = Arguments.path(required(key, value));
      case "ro" -> readOnly = true;
      case "rw" -> readOnly = false;
      case "nosuid" -> attributes |= MountOptions.NOSUID;
      case "nodev" -> attributes |= MountOptions.NODEV;
      case "noexec" -> attributes |= MountOptions.NOEXEC;
      case "noatime" -> attributes |= MountOptions.NOATIME;
      case "x-composefs.loop" -> loop = true;
      case "x-composefs.oldapi" -> old = true;
      default -> throw new UsageException("unsupported option '" + key + "'");
    }
  }

  private static String required(String key, @Nullable String value) throws UsageException {
    if (value == null || value.isEmpty()) {
      throw new UsageException("no value for option '" + key + "'");
    }
    return value;
  }
}
