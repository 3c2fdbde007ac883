package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.Vectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as processes: output, exit status, and what is left after a failure. */
class CommandTest {
  @TempDir Path directory;
  private Path dump;
  private Path image;

  @BeforeEach
  void write() throws IOException {
    dump = Files.write(directory.resolve("tree.dump"), Vectors.image("basic-types.dump"));
    image = directory.resolve("tree.cfs");
  }

  @Test
  void makesTheGoldenImageAndPrintsIt() throws Exception {
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--from-file", "--print-digest", dump.toString(), image.toString());
    assertThat(made.err()).isEmpty();
    String digest =
        Vectors.rows("images/digests.tsv").stream()
            .filter(row -> row[0].equals("basic-types.dump") && row[1].equals("-"))
            .findFirst()
            .orElseThrow()[3];
    assertThat(made.out()).isEqualTo(digest + "\n");
    assertThat(Files.readAllBytes(image)).isEqualTo(Vectors.image("basic-types.cfs"));
    for (String command : new String[] {"ls", "dump", "objects"}) {
      Tool.Result printed = Tool.composefs("composefs-info", command, image.toString());
      assertThat(printed.outBytes())
          .isEqualTo(Vectors.image("basic-types.cfs." + command + ".txt"));
    }
    assertThat(Tool.composefs("composefs-info", "measure-file", image.toString()).out())
        .isEqualTo(digest + "\n");
    Path again = directory.resolve("again.cfs");
    assertThat(Tool.composefs("composefs-dump", image.toString(), again.toString()).status())
        .isZero();
    assertThat(again).hasSameBinaryContentAs(image);
  }

  @Test
  void leavesTheOldFileAfterAFailureAndNoNewOne() throws Exception {
    Files.writeString(image, "old");
    Path bad =
        Files.writeString(directory.resolve("bad.dump"), "/ 0 40755 1 0 0 0 0.0 - - -\n/x y\n");
    Tool.Result failed =
        Tool.composefs("mkcomposefs", "--from-file", bad.toString(), image.toString());
    assertThat(failed.status()).isEqualTo(1);
    assertThat(failed.err()).contains("line 2, column").hasLineCount(1);
    assertThat(image).hasContent("old");
    Path fresh = directory.resolve("fresh.cfs");
    assertThat(
            Tool.composefs("mkcomposefs", "--from-file", bad.toString(), fresh.toString()).status())
        .isEqualTo(1);
    assertThat(fresh).doesNotExist();
    assertNoTemporaries();
  }

  @Test
  void keepsModeAndFollowsLinks() throws Exception {
    Files.writeString(image, "old");
    Files.setPosixFilePermissions(
        image, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r-----"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), image.getFileName());
    assertThat(
            Tool.composefs("mkcomposefs", "--from-file", dump.toString(), link.toString()).status())
        .isZero();
    assertThat(link).isSymbolicLink();
    assertThat(Files.readAllBytes(image)).isEqualTo(Vectors.image("basic-types.cfs"));
    assertThat(Files.getPosixFilePermissions(image))
        .isEqualTo(java.nio.file.attribute.PosixFilePermissions.fromString("rw-r-----"));
  }

  @Test
  void saysWhatIsWrongInOneLine() throws Exception {
    assertFails("mkcomposefs");
    assertFails("mkcomposefs", "--nonsense", "a", "b");
    assertFails("mkcomposefs", "--min-version=2", "--from-file", dump.toString(), image.toString());
    assertFails("mkcomposefs", directory + "/missing", image.toString());
    assertFails("mkcomposefs", dump.toString(), image.toString());
    assertFails("mkcomposefs", "--from-file", dump.toString(), directory + "/no/such/image");
    assertThat(assertFails("mkcomposefs", "--from-file", dump.toString(), "/dev/full").err())
        .isEqualTo("mkcomposefs: /dev/full: No space left on device\n");
    assertThat(
            assertFails("mkcomposefs", "--from-file", directory.toString(), image.toString()).err())
        .isEqualTo("mkcomposefs: " + directory + ": Is a directory\n");
    assertFails("composefs-info");
    assertFails("composefs-info", "nonsense", dump.toString());
    assertFails("composefs-info", "ls", dump.toString());
    assertThat(assertFails("composefs-info", "ls", directory.toString()).err())
        .isEqualTo("composefs-info: " + directory + ": Is a directory\n");
    assertFails("composefs-info", "--filter=a/b", "ls", dump.toString());
    assertFails("composefs-dump", dump.toString());
    assertFails("mount.composefs", "-o", "basedir=/", dump.toString(), directory.toString());
    assertThat(image).doesNotExist();
    assertNoTemporaries();
  }

  @Test
  void helpGoesWhereTheReferenceWritesIt() throws Exception {
    for (String name : new String[] {"mkcomposefs", "composefs-info"}) {
      Tool.Result help = Tool.composefs(name, "--help");
      assertThat(help.status()).isEqualTo(1);
      assertThat(help.out()).isEmpty();
      assertThat(help.err()).startsWith("usage: " + name + " [OPTION...]").contains("--hash=");
    }
    Tool.Result mount = Tool.composefs("mount.composefs", "-o", "nonsense", "-h");
    assertThat(mount.status()).isZero();
    assertThat(mount.err()).startsWith("usage: mount.composefs").contains("basedir=");
    for (String[] asked : new String[][] {{"--help"}, {"help", "umount"}, {"umount", "--help"}}) {
      Tool.Result own = Tool.composefs("composefs", asked);
      assertThat(own.status()).isZero();
      assertThat(own.err()).isEmpty();
      assertThat(own.out()).startsWith("usage: composefs").contains("umount");
    }
    // composefs-dump looks at no options: this names two files that are not there.
    assertFails("composefs-dump", "--help", "--");
  }

  @Test
  void ownCommandsSayWhatIsWrongWithStatusTwo() throws Exception {
    for (String[] wrong :
        new String[][] {
          {}, {"nonsense"}, {"umount"}, {"umount", "--lzy", "x"}, {"doctor", "a", "b"}, {"--x"}
        }) {
      Tool.Result result = Tool.composefs("composefs", wrong);
      assertThat(result.status()).as("%s", List.of(wrong)).isEqualTo(2);
      assertThat(result.err()).startsWith("composefs").hasLineCount(1);
      assertThat(result.out()).isEmpty();
    }
    assertThat(Tool.composefs("composefs", "umoun").err()).contains("did you mean 'umount'?");
  }

  @Test
  void losesNothingOnAFullDevice() throws Exception {
    Files.write(image, Vectors.image("basic-types.cfs"));
    for (List<String> command :
        List.of(
            Tool.command("composefs-info", "dump", image.toString()),
            Tool.command("composefs", "umount", "--help"))) {
      Tool.Result result = Tool.toFullDevice(command);
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err()).contains("No space left on device").hasLineCount(1);
    }
  }

  @Test
  void printsWhatComesBeforeAFailure() throws Exception {
    Files.write(image, Vectors.image("basic-types.cfs"));
    String listed = Tool.composefs("composefs-info", "ls", image.toString()).out();
    assertThat(listed).isNotEmpty();
    Tool.Result failed = Tool.composefs("composefs-info", "ls", image.toString(), dump.toString());
    assertThat(failed.status()).isEqualTo(1);
    assertThat(failed.out()).isEqualTo(listed);
  }

  @Test
  void leavesNothingWhenItIsInterrupted() throws Exception {
    Path pipe = directory.resolve("pipe");
    assertThat(Tool.run("mkfifo", pipe.toString()).status()).isZero();
    for (String signal : new String[] {"INT", "TERM", "KILL"}) {
      List<String> make =
          Tool.command("mkcomposefs", "--from-file", pipe.toString(), image.toString());
      Process process = new ProcessBuilder(Tool.interruptible(make)).start();
      Thread.sleep(700); // waits for a writer of the pipe
      assertThat(Tool.run("kill", "-" + signal, Long.toString(process.pid())).status()).isZero();
      assertThat(process.waitFor()).isNotZero();
      assertThat(image).doesNotExist();
    }
    assertNoTemporaries();
  }

  @Test
  void takesNamesThatAreNoText() throws Exception {
    Path script = directory.resolve("run");
    Files.writeString(
        script,
        "f=$(printf '"
            + directory
            + "/n\\377me')\ncp "
            + dump
            + " \"$f\"\n"
            + "exec \"$@\" --from-file --print-digest-only \"$f\"\n");
    for (String locale : new String[] {"C", "C.UTF-8"}) {
      List<String> shell =
          new java.util.ArrayList<>(List.of("env", "LC_ALL=" + locale, "sh", script.toString()));
      shell.addAll(Tool.command("mkcomposefs"));
      Tool.Result result = Tool.run(shell);
      assertThat(result.err()).isEmpty();
      assertThat(result.out()).hasSize(65);
    }
  }

  private Tool.Result assertFails(String name, String... args) throws Exception {
    Tool.Result result = Tool.composefs(name, args);
    assertThat(result.status()).as("%s %s", name, List.of(args)).isEqualTo(1);
    assertThat(result.err()).startsWith(name + ": ").hasLineCount(1).doesNotContain("Exception");
    return result;
  }

  private void assertNoTemporaries() throws IOException {
    try (var files = Files.list(directory)) {
      assertThat(files.map(Path::getFileName).map(Path::toString))
          .noneMatch(name -> name.endsWith(".tmp"));
    }
  }
}
