package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Long commands tell how far they are, on a terminal and nowhere else. */
class ProgressTest {
  @TempDir Path scratch;

  private String onTerminal(String... args) throws Exception {
    StringBuilder command = new StringBuilder();
    for (String part : Tool.command("composefs", args)) {
      command.append('\'').append(part.replace("'", "'\\''")).append("' ");
    }
    // The terminal is the program's; its standard output goes elsewhere.
    Tool.Result result =
        Tool.run("script", "-qec", command + ">" + scratch.resolve("out"), "/dev/null");
    assertThat(result.status()).isZero();
    return result.out();
  }

  @Test
  void isDrawnOnATerminalAndSilentInAPipe() throws Exception {
    Requirements.program("script");
    Path tree = Files.createDirectories(scratch.resolve("tree/usr")).getParent();
    byte[] content = new byte[24 << 20];
    Random random = new Random(1);
    for (int i = 0; i < 24; i++) {
      random.nextBytes(content);
      Files.write(tree.resolve("f" + i), content);
    }
    String repo = "--repo=" + scratch.resolve("repo");
    Tool.Result made =
        Tool.composefs("composefs", "init", scratch.resolve("repo").toString(), "--insecure");
    assertThat(made.status()).isZero();
    Tool.Result piped = Tool.composefs("composefs", repo, "create-image", tree.toString(), "tree");
    assertThat(piped.err()).isEmpty();
    for (List<String> command :
        List.of(
            List.of("verify", "tree"),
            List.of("fsck"),
            List.of("create-image", "--no-index", tree.toString(), "tree"),
            List.of("export", "tree", scratch.resolve("exported").toString()))) {
      String[] args = new String[command.size() + 1];
      args[0] = repo;
      for (int i = 0; i < command.size(); i++) {
        args[i + 1] = command.get(i);
      }
      assertThat(onTerminal(args)).as(command.getFirst()).contains(" MiB").endsWith("\r\033[K");
      if (!command.getFirst().equals("export")) {
        assertThat(Tool.composefs("composefs", args).err()).isEmpty();
      }
    }
  }
}
