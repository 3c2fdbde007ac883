package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.linux.MountTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code composefs mount} and its like, with servers in the background. */
@Timeout(900)
class MountCommandTest {
  @TempDir Path scratch;
  private Path objects;
  private Path image;
  private Path target;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Requirements.program("setsid");
    Path source = Files.createDirectory(scratch.resolve("source"));
    Files.writeString(source.resolve("file"), "text ".repeat(100));
    objects = scratch.resolve("objects");
    image = scratch.resolve("image.cfs");
    target = Files.createDirectory(scratch.resolve("mnt"));
    assertThat(
            Tool.composefs(
                    "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString())
                .status())
        .isZero();
  }

  @AfterEach
  void unmount() {
    try {
      for (MountTable.Entry each : MountTable.read().entries().reversed()) {
        if (each.point().startsWith(scratch.toString())) {
          Mounts.unmount(Path.of(each.point()), true);
        }
      }
    } catch (IOException e) {
      // it ended by itself
    }
  }

  private Tool.Result mount(String... options) throws Exception {
    return Tool.mount(objects, image, target, options);
  }

  private List<String> foreground() {
    return Tool.command(
        "composefs",
        "mount",
        "--foreground",
        "--mode=verified",
        "--basedir=" + objects,
        image.toString(),
        target.toString());
  }

  @Test
  void servesInTheBackgroundUntilUnmounted() throws Exception {
    for (String mode : List.of("verified", "passthrough", "overlay")) {
      assertThat(mount("--mode=" + mode).err()).isEmpty();
      assertThat(target.resolve("file")).hasContent("text ".repeat(100));
      Tool.Result mounts = Tool.composefs("composefs", "mounts", "--json");
      assertThat(mounts.out()).contains("\"" + target + "\"").contains("composefs:image.cfs");
      assertThat(Tool.composefs("composefs", "umount", target.toString()).status()).isZero();
      assertThat(target.resolve("file")).doesNotExist();
    }
  }

  /** {@return what a command does that the packaged launcher starts, as it starts it} */
  private Tool.Result launched(String... args) throws Exception {
    List<String> command = new ArrayList<>(List.of("timeout", "60", "sh", "-c"));
    command.add("exec 4>&1; s=$(\"$@\" 3>&1 >&4 4>&- &); exit \"${s:-1}\"");
    command.add("sh");
    command.addAll(Tool.command("composefs", args));
    command.add(command.indexOf("io.github.composefs4j.cli.Main"), "-Dcomposefs.status=3");
    return Tool.run(command);
  }

  private String[] mounting(Path directory, String... options) {
    List<String> args = new ArrayList<>(List.of("mount", "--mode=verified"));
    args.addAll(List.of(options));
    args.addAll(List.of("--basedir=" + objects, image.toString(), directory.toString()));
    return args.toArray(String[]::new);
  }

  /** The process of the command becomes the server, and keeps nothing of who waits for it. */
  @Test
  void oneProcessIsTheCommandAndTheServer() throws Exception {
    assertThat(launched(mounting(target, "--own-server")))
        .matches(r -> r.status() == 0, "status 0");
    ProcessHandle server = server(target);
    Path process = Path.of("/proc", Long.toString(server.pid()));
    assertThat(Files.readString(process.resolve("cmdline"))).contains("-Dcomposefs.status=3");
    assertThat(Files.readSymbolicLink(process.resolve("cwd"))).isEqualTo(Path.of("/"));
    for (String stream : List.of("0", "1", "2")) {
      assertThat(Files.readSymbolicLink(process.resolve("fd").resolve(stream)))
          .isEqualTo(Path.of("/dev/null"));
    }
    String statistics = Files.readString(process.resolve("stat"));
    String session = statistics.substring(statistics.lastIndexOf(')')).split(" ")[4];
    assertThat(session).isEqualTo(Long.toString(server.pid()));

    Path second = Files.createDirectory(scratch.resolve("second"));
    assertThat(launched(mounting(second)).err()).isEmpty();
    assertThat(second.resolve("file")).hasContent("text ".repeat(100));
    Path none = scratch.resolve("none");
    Tool.Result failed = launched(mounting(none));
    assertThat(failed.status()).isEqualTo(1);
    assertThat(failed.err()).hasLineCount(1).contains(none.toString());

    Mounts.unmount(second, false);
    Mounts.unmount(target, false);
    assertThat(server.onExit().get(20, TimeUnit.SECONDS)).isEqualTo(server);
  }

  @ParameterizedTest
  @ValueSource(strings = {"verified", "passthrough", "overlay", "overlay,upper"})
  void aKilledServerLeavesNoHangingMount(String how) throws Exception {
    List<String> options = new ArrayList<>(List.of("--mode=" + how.split(",")[0], "--own-server"));
    if (how.endsWith("upper")) {
      options.add("--upperdir=" + Files.createDirectory(scratch.resolve("upper")));
      options.add("--workdir=" + Files.createDirectory(scratch.resolve("work")));
      options.add("--read-write");
    }
    assertThat(mount(options.toArray(String[]::new)).err()).isEmpty();
    ProcessHandle server = server(target);
    assertThat(server.destroyForcibly()).isTrue();
    server.onExit().join();
    assertThat(Tool.run("timeout", "300", "cat", target + "/none").err()).contains("not connected");
    assertThat(Tool.composefs("composefs", "mounts").out()).containsPattern(target + " .* dead\n");
    Path other = Files.createDirectory(scratch.resolve("other"));
    assertThat(
            Tool.composefs(
                    "composefs",
                    "mount",
                    "--mode=kernel",
                    "--basedir=" + objects,
                    image.toString(),
                    other.toString())
                .err())
        .isEmpty();
    Mounts.unmount(other, false);
    assertThat(mountedAt(target)).as("taken away by the next command").isFalse();
  }

  /** Objects that only a further repository has, which no message to a server can say. */
  @Test
  void aServerInTheBackgroundReadsFromFurtherSources() throws Exception {
    Path whole = scratch.resolve("whole");
    Path bare = scratch.resolve("bare");
    run("--repo=" + whole, "init", "--insecure");
    run(
        "--repo=" + whole,
        "create-image",
        "--no-propagate-usr-to-root",
        scratch.resolve("source").toString(),
        "name");
    assertThat(Tool.run("cp", "-a", whole.toString(), bare.toString()).status()).isZero();
    try (Stream<Path> all = Files.walk(bare.resolve("objects"))) {
      for (Path each : all.filter(Files::isRegularFile).toList()) {
        if (Files.size(each) == 500) {
          Files.delete(each);
        }
      }
    }
    String to = target.toString();
    run("mount", "--repo=" + bare, "--source=" + whole, "--mode=verified", "name", to);
    assertThat(target.resolve("file")).hasContent("text ".repeat(100));
    assertThat(server(target).isAlive()).isTrue();
    run("umount", to);
    run("mount", "--repo=" + bare, "--mode=verified", "name", to);
    assertThat(Tool.run("cat", target + "/file").err()).contains("Input/output error");
  }

  private static void run(String... args) throws Exception {
    Tool.Result result = Tool.run(timed("composefs", args));
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }

  /** A stopped server must not stop the commands that look at its mount. */
  @Test
  void aStoppedServerIsSilent() throws Exception {
    assertThat(mount("--mode=verified", "--own-server").err()).isEmpty();
    String server = Long.toString(server(target).pid());
    assertThat(Tool.run("kill", "-STOP", server).status()).isZero();
    try {
      Tool.Result mounts = Tool.run(timed("composefs", "mounts"));
      assertThat(mounts.out()).containsPattern(target + " .* silent\n");
      Path other = Files.createDirectory(scratch.resolve("other"));
      List<String> beside =
          timed(
              "composefs",
              "mount",
              "--mode=kernel",
              "--basedir=" + objects,
              image.toString(),
              other.toString());
      assertThat(Tool.run(beside).err()).isEmpty();
      assertThat(mountedAt(target)).isTrue();
    } finally {
      Tool.run("kill", "-CONT", server);
    }
    assertThat(target.resolve("file")).hasContent("text ".repeat(100));
  }

  private static List<String> timed(String name, String... args) {
    List<String> command = new ArrayList<>(List.of("timeout", "600"));
    command.addAll(Tool.command(name, args));
    return command;
  }

  /** The process that serves a mount, as {@code mounts} tells. */
  private static ProcessHandle server(Path target) throws Exception {
    for (JsonElement each : mounts()) {
      JsonObject mount = each.getAsJsonObject();
      if (mount.get("mountpoint").getAsString().equals(target.toString())) {
        return ProcessHandle.of(mount.get("server").getAsLong()).orElseThrow();
      }
    }
    throw new AssertionError("not mounted: " + target);
  }

  private static JsonArray mounts() throws Exception {
    return JsonParser.parseString(Tool.composefs("composefs", "mounts", "--json").out())
        .getAsJsonArray();
  }

  private static boolean mountedAt(Path target) throws Exception {
    return MountTable.read().at(target.toString()) != null;
  }

  @Test
  void oneServerServesManyImagesUntilTheLastIsGone() throws Exception {
    List<Path> targets = new ArrayList<>();
    for (String mode : List.of("verified", "passthrough", "overlay")) {
      target = Files.createDirectory(scratch.resolve(mode));
      targets.add(target);
      assertThat(mount("--mode=" + mode).err()).isEmpty();
      assertThat(target.resolve("file")).hasContent("text ".repeat(100));
    }
    ProcessHandle server = server(targets.getFirst());
    for (Path each : targets) {
      assertThat(server(each)).isEqualTo(server);
    }
    target = Files.createDirectory(scratch.resolve("alone"));
    assertThat(mount("--mode=verified", "--own-server").err()).isEmpty();
    assertThat(server(target)).isNotEqualTo(server);
    targets.add(target);
    for (JsonElement each : mounts()) {
      JsonObject mount = each.getAsJsonObject();
      if (mount.get("mountpoint").getAsString().startsWith(targets.getFirst().toString())) {
        JsonObject statistics = mount.getAsJsonObject("statistics");
        assertThat(statistics.get("requests").getAsLong()).isPositive();
        assertThat(statistics.get("bytes").getAsLong()).isGreaterThanOrEqualTo(500);
        assertThat(statistics.get("failures").getAsLong()).isZero();
      }
    }
    for (Path each : targets) {
      assertThat(server.isAlive()).isTrue();
      assertThat(Tool.composefs("composefs", "umount", each.toString()).status()).isZero();
    }
    assertThat(server.onExit().get(300, TimeUnit.SECONDS)).isEqualTo(server);
  }

  /** Who ends it ends nothing else. */
  @Test
  void nobodyJoinsAServerOfAMountsOwn() throws Exception {
    assertThat(mount("--mode=verified", "--own-server").err()).isEmpty();
    ProcessHandle own = server(target);
    target = Files.createDirectory(scratch.resolve("other"));
    assertThat(mount("--mode=verified").err()).isEmpty();
    assertThat(server(target)).isNotEqualTo(own);
    own.destroy();
    assertThat(target.resolve("file")).hasContent("text ".repeat(100));
  }

  /** A server that others may join refuses one of them, and goes on. */
  @Test
  void aFailureOfOneMountIsNoneOfAnother() throws Exception {
    assertThat(mount("--mode=verified").err()).isEmpty();
    Tool.Result trees = mount("--trees=" + objects);
    assertThat(trees.status()).isEqualTo(2);
    assertThat(trees.err()).hasLineCount(1).contains("trees go with mode verified");
    Path missing = scratch.resolve("missing");
    Tool.Result nowhere = mount("--mode=verified", "--trees=" + missing);
    assertThat(nowhere.status()).isEqualTo(1);
    assertThat(nowhere.err()).hasLineCount(1).contains(missing.toString());
    Tool.Result none =
        Tool.composefs(
            "composefs",
            "mount",
            "--mode=verified",
            "--basedir=" + missing,
            image.toString(),
            Files.createDirectory(scratch.resolve("other")).toString());
    assertThat(none.status()).isEqualTo(1);
    assertThat(none.err()).hasLineCount(1).contains(missing.toString());
    assertThat(target.resolve("file")).hasContent("text ".repeat(100));
  }

  /** A server may end after its socket was seen, and before it is asked. */
  @Test
  void aSocketThatIsGoneIsPassedOver() throws Exception {
    String script =
        """
        set -e
        number() { readlink /proc/self/ns/$1 | tr -dc 0-9; }
        "$4" mount --mode=verified --basedir="$1" "$2" "$3"
        gone=/run/composefs/$(number mnt)-$(number user)-0.socket
        ln -s nowhere "$gone"
        trap 'rm "$gone"; umount "$3"' EXIT
        "$4" mount --mode=verified --basedir="$1" "$2" "$3"
        umount "$3"
        "$4" mounts
        """;
    Path composefs = Tool.install(scratch, "composefs");
    Tool.Result result = Tool.runApart(script, objects, image, target, composefs);
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).contains(target + " composefs:image.cfs fuse.composefs mounted\n");
    assertThat(result.status()).isZero();
  }

  /** {@code mount -t fuse.composefs}, by hand and from a line of fstab(5). */
  @Test
  void theMountProgramFindsUs() throws Exception {
    // mount(8) looks for helpers in /sbin only: put ours there, in a mount namespace of its own.
    Path sbin = Files.createDirectory(scratch.resolve("sbin"));
    Tool.install(sbin, "mount.fuse.composefs");
    Path fstab = scratch.resolve("fstab");
    Files.writeString(
        fstab,
        image
            + " "
            + target
            + " fuse.composefs noauto,nofail,nosuid,mode=passthrough,basedir="
            + objects
            + " 0 0\n");
    String sequence =
        """
        set -e
        mount -t overlay -o lowerdir="$1":/usr/sbin sbin /usr/sbin
        mount -t fuse.composefs -o "nodev,basedir=$2" "$3" "$4"
        cat "$4/file"; grep " $4 " /proc/self/mountinfo; umount "$4"
        mount -T "$5" "$4"
        cat "$4/file"; grep " $4 " /proc/self/mountinfo; umount "$4"
        ! mount -t fuse.composefs -o nonsense "$3" "$4"
        """;
    Tool.Result result = Tool.runApart(sequence, sbin, objects, image, target, fstab);
    assertThat(result.err()).contains("unsupported option 'nonsense'").hasLineCount(1);
    assertThat(result.out()).containsPattern("nodev.*fuse.composefs").contains("nosuid");
    assertThat(result.out().split("text ", -1)).hasSize(201);
    assertThat(result.status()).isZero();
  }

  /** Also where the mount table does not call the image as {@code fstab} does. */
  @Test
  void mountingAllOfFstabTwiceMountsOnce() throws Exception {
    Path sbin = Files.createDirectory(scratch.resolve("sbin"));
    Tool.install(sbin, "mount.fuse.composefs");
    Path other = Files.createDirectory(scratch.resolve("other"));
    Path link = Files.createSymbolicLink(scratch.resolve("link.cfs"), image);
    String digest = Tool.composefs("composefs-info", "measure-file", image.toString()).out();
    Path fstab =
        Files.writeString(
            scratch.resolve("fstab"),
            """
            %1$s %2$s fuse.composefs basedir=%3$s 0 0
            %4$s %5$s fuse.composefs basedir=%3$s,digest=%6$s 0 0
            """
                .formatted(link, target, objects, image, other, digest.strip()));
    String sequence =
        """
        set -e
        mount -t overlay -o lowerdir="$1":/usr/sbin sbin /usr/sbin
        trap 'umount "$3"; umount "$4"' EXIT
        mount -a -T "$2"
        mount -a -T "$2"
        cat "$3/file" "$4/file" >/dev/null
        grep " fuse.composefs " /proc/self/mountinfo
        """;
    Tool.Result result = Tool.runApart(sequence, sbin, fstab, target, other);
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(result.out())
        .hasLineCount(2)
        .contains(target + " ", "fuse.composefs " + image + " ")
        .contains(other + " ", "fuse.composefs composefs:" + digest.strip() + " ");
  }

  /** The program must not be over before its mount is. */
  @Test
  void aSignalEndsAForegroundAndItsMount() throws Exception {
    for (String signal : List.of("TERM", "INT", "TERM", "INT", "TERM", "INT")) {
      Process process =
          new ProcessBuilder(Tool.interruptible(foreground()))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      try {
        assertThat(process.inputReader().readLine()).isEqualTo(target + " verified always");
        assertThat(Tool.run("kill", "-" + signal, Long.toString(process.pid())).status()).isZero();
        assertThat(process.waitFor()).isEqualTo(signal.equals("INT") ? 130 : 143);
        assertThat(mountedAt(target)).isFalse();
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void replacesWhatIsMountedIfAnythingIs() throws Exception {
    for (String mode : List.of("verified", "kernel", "verified")) {
      assertThat(mount("--replace", "--mode=" + mode).err()).isEmpty();
      assertThat(target.resolve("file")).hasContent("text ".repeat(100));
      assertThat(MountTable.read().entries())
          .filteredOn(entry -> entry.point().equals(target.toString()))
          .hasSize(1);
    }
  }

  /** Its line is what tells that the mount answers. */
  @Test
  void aForegroundThatCannotSayItIsThereLeavesNoMount() throws Exception {
    Tool.Result result = Tool.toFullDevice(foreground());
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("No space left on device").hasLineCount(1);
    assertThat(mountedAt(target)).isFalse();
  }

  @Test
  void aStrangeMountPointIsOneLineOfTheList() throws Exception {
    Path strange = Files.createDirectory(scratch.resolve("a b\nc\\d"));
    Tool.Result mounted =
        Tool.composefs(
            "composefs",
            "mount",
            "--mode=verified",
            "--basedir=" + objects,
            image.toString(),
            strange.toString());
    assertThat(mounted.err()).isEmpty();
    try {
      assertThat(Tool.composefs("composefs", "mounts").out())
          .contains(scratch + "/a\\040b\\012c\\134d composefs:image.cfs fuse.composefs mounted\n");
    } finally {
      Tool.Result gone = Tool.composefs("composefs", "umount", strange.toString());
      assertThat(gone.err()).isEmpty();
    }
  }

  @Test
  void refusesInOneLine() throws Exception {
    Tool.Result pair = mount("--mode=kernel", "--verify=always");
    assertThat(pair.status()).isEqualTo(2);
    assertThat(pair.err()).hasLineCount(1).contains("kernel cannot have verification always");
    Tool.Result trees = mount("--trees=" + objects);
    assertThat(trees.status()).isEqualTo(2);
    assertThat(trees.err()).hasLineCount(1).contains("trees go with mode verified");
    Path missing = scratch.resolve("missing");
    Tool.Result nowhere = mount("--mode=verified", "--trees=" + missing);
    assertThat(nowhere.status()).isEqualTo(1);
    assertThat(nowhere.err()).hasLineCount(1).contains(missing.toString());
    Tool.Result none =
        Tool.composefs(
            "composefs",
            "mount",
            "--mode=verified",
            "--basedir=" + missing,
            image.toString(),
            target.toString());
    assertThat(none.status()).isEqualTo(1);
    assertThat(none.err()).hasLineCount(1).contains(missing.toString());
  }
}
