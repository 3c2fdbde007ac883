package io.github.composefs4j.tests;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/**
 * The account {@code nobody}, with a copy of our programs that it can read, in mount and process
 * namespaces of its own: the device of FUSE is open to all there, and nothing outlives a script.
 * Needs root.
 */
final class OrdinaryUser implements AutoCloseable {
  private static final String NOBODY = "65534";

  private static final String ENTER =
      """
      set -e
      home=$1 path=$2
      shift 2
      rm -f "$home/device"
      mknod -m 666 "$home/device" c 10 229
      mount --bind "$home/device" /dev/fuse
      cd "$home/files"
      exec setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --bounding-set=+all \
        env -i HOME="$home/files" PATH="$path" "$@"
      """;

  private final Path home;
  private final List<String> composefs;

  private OrdinaryUser(Path home, List<String> composefs) {
    this.home = home;
    this.composefs = composefs;
  }

  static OrdinaryUser make() throws Exception {
    Requirements.root();
    Requirements.program("setpriv");
    Requirements.userNamespaces();
    Path home = Files.createTempDirectory(Path.of("/tmp"), "composefs-user");
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<String> composefs = Tool.command("composefs");
    int at = composefs.indexOf("-cp") + 1;
    composefs.set(at, copied(composefs.get(at), Files.createDirectory(home.resolve("lib"))));
    Files.createDirectory(home.resolve("files"));
    return new OrdinaryUser(home, composefs);
  }

  private static String copied(String classPath, Path to) throws IOException {
    List<String> copies = new ArrayList<>();
    for (String each : classPath.split(":")) {
      Path entry = Path.of(each);
      Path copy = to.resolve(copies.size() + "-" + entry.getFileName());
      if (Files.exists(entry)) {
        copyTree(entry, copy);
        copies.add(copy.toString());
      }
    }
    return String.join(":", copies);
  }

  private static void copyTree(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectory(to.resolve(from.relativize(directory).toString()));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            String below = from.relativize(file).toString();
            Path copy = below.isEmpty() ? to : to.resolve(below);
            Files.copy(file, copy);
            Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-r--r--"));
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** The directory in which scripts run; to be filled by root, then given to the user. */
  Path files() {
    return home.resolve("files");
  }

  /** Gives all files to the user. */
  void own() throws Exception {
    Tool.run("chown", "-R", NOBODY + ":" + NOBODY, files().toString());
  }

  /** Runs a script, in which {@code composefs} is our program. */
  Tool.Result sh(String script) throws Exception {
    return run("/usr/bin:/bin:/usr/sbin", script, List.of());
  }

  /**
   * Runs a script as root of a user namespace.
   *
   * @param programs all that it finds
   */
  Tool.Result inNamespace(List<String> programs, String script) throws Exception {
    Path path = Files.createTempDirectory(home, "path");
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (String program : programs) {
      Files.createSymbolicLink(path.resolve(program), Path.of("/usr/bin", program));
    }
    return run(
        path.toString(),
        script,
        List.of("/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--"));
  }

  private Tool.Result run(String path, String script, List<String> within) throws Exception {
    StringBuilder function = new StringBuilder("composefs() {");
    for (String word : composefs) {
      function.append(" '").append(word).append('\'');
    }
    function.append(" \"$@\"; }\n");
    Path file = Files.writeString(home.resolve("script"), function + script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    List<String> command =
        new ArrayList<>(
            List.of(
                "timeout",
                "--kill-after=5",
                "800",
                "unshare",
                "--mount",
                "--propagation=private",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                ENTER.replace("$NOBODY", NOBODY),
                "sh",
                home.toString(),
                path));
    command.addAll(within);
    command.addAll(List.of("/bin/sh", "-eu", file.toString()));
    return Tool.run(command);
  }

  @Override
  public void close() throws IOException {
    try {
      Tool.run("rm", "-rf", "--one-file-system", home.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
